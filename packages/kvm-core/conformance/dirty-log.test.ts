import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cap, DirtyLogManual, ExitReason, type GuestMemory, MemoryFlag } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { kvmError } from '../test/errors.js';
import { code64 } from './guest/listing.js';
import { changeRegs, entry, type Machine, machine, needs, runTo, type Setup } from './machine.js';

const { ENOENT } = constants.errno;

/** Writes to RCX addresses of a list. */
const writeAll = code64`
  48 ad  ; lodsq
  89 08  ; mov dword ptr [rax], ecx
  e2 fa  ; loop .-4
  f4     ; hlt
`;

const readAll = code64`
  48 ad  ; lodsq
  8b 10  ; mov edx, dword ptr [rax]
  e2 fa  ; loop .-4
  f4     ; hlt
`;

const listAddress = 0x2000n;
const slot = 7;
const start = 0x10_0000n;
/** Not a multiple of 64, the unit of bitmaps. */
const pages = 100;

function logged(guest: Machine): GuestMemory {
  const memory = guest.kvm.allocateMemory({ size: pages * 4096 });
  guest.vm.setUserMemoryRegion({ slot, guestPhysAddr: start, memory, flags: MemoryFlag.LogDirtyPages });
  return memory;
}

/** Makes the guest access bytes of the logged memory. */
function use(guest: Machine, code: Uint8Array, offsets: readonly number[]): void {
  guest.memory.write(Number(entry), code);
  const list = BigUint64Array.from(offsets, (offset) => start + BigInt(offset));
  guest.memory.write(Number(listAddress), new Uint8Array(list.buffer));
  changeRegs(guest.vcpu, { rip: entry, rsi: listAddress, rcx: BigInt(offsets.length) });
  runTo(guest.vcpu, ExitReason.Hlt);
}

const at = (page: number) => page * 4096 + 8 * page;

onEachBackend('the dirty log', (backend) => {
  const begin = (setup: Setup = {}) => machine(backend, 'long', writeAll, setup);

  test('has exactly the pages that the guest wrote', () => {
    using guest = begin();
    using _memory = logged(guest);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([]);
    use(guest, writeAll, [at(0), at(1), at(63), at(64), at(99), at(63)]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([0, 1, 63, 64, 99]);
  });

  test('is empty again once it was read, until the guest writes again', () => {
    using guest = begin();
    using _memory = logged(guest);
    use(guest, writeAll, [at(5), at(6)]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([5, 6]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([]);
    use(guest, writeAll, [at(6)]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([6]);
  });

  test('has both pages of a write that crosses a page boundary', () => {
    using guest = begin();
    using _memory = logged(guest);
    use(guest, writeAll, [31 * 4096 - 2]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([30, 31]);
  });

  test('has no mapped page that the guest only reads, and none that this process writes', () => {
    using guest = begin();
    using memory = logged(guest);
    // A host may make a page writable at its first access of any kind, and then has to report it as written.
    use(guest, readAll, [at(1), at(2)]);
    guest.vm.getDirtyLog(slot);
    use(guest, readAll, [at(1), at(2)]);
    memory.bytes().fill(1);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([]);
  });

  test('is of one slot', () => {
    using guest = begin();
    using _memory = logged(guest);
    using other = guest.kvm.allocateMemory({ size: 4096 });
    const end = start + BigInt(pages * 4096);
    guest.vm.setUserMemoryRegion({ slot: 8, guestPhysAddr: end, memory: other, flags: MemoryFlag.LogDirtyPages });
    use(guest, writeAll, [pages * 4096, at(3)]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([3]);
    expect([...guest.vm.getDirtyLog(8)]).toEqual([0]);
  });

  test('starts and ends with the flag of the slot', () => {
    using guest = begin();
    using memory = logged(guest);
    guest.vm.setUserMemoryRegion({ slot, guestPhysAddr: start, memory });
    use(guest, writeAll, [at(3)]);
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.getDirtyLog(slot)).errno).toBe(ENOENT);
    guest.vm.setUserMemoryRegion({ slot, guestPhysAddr: start, memory, flags: MemoryFlag.LogDirtyPages });
    use(guest, writeAll, [at(4)]);
    expect([...guest.vm.getDirtyLog(slot)]).toEqual([4]);
  });

  test('with manual clearing keeps its pages until they are cleared one by one', (context) => {
    using guest = begin({
      before: (vm) => {
        needs(context, vm, Cap.ManualDirtyLogProtect2);
        vm.enableCap(Cap.ManualDirtyLogProtect2, [BigInt(DirtyLogManual.ProtectEnable)]);
      },
    });
    using _memory = logged(guest);
    const { vm } = guest;
    use(guest, writeAll, [at(5), at(70)]);
    expect([...vm.getDirtyLog(slot)]).toEqual([5, 70]);
    const log = vm.getDirtyLog(slot);
    expect([...log]).toEqual([5, 70]);
    vm.clearDirtyLog(log, 64);
    expect([...vm.getDirtyLog(slot)]).toEqual([5]);
    use(guest, writeAll, [at(70), at(71)]);
    expect([...vm.getDirtyLog(slot)]).toEqual([5, 70, 71]);
    // Writes after the log was read stay.
    vm.clearDirtyLog(log);
    expect([...vm.getDirtyLog(slot)]).toEqual([71]);
  });
});

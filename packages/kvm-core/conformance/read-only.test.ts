import { expect, test } from 'vitest';
import { Cap, ExitReason, MemoryFlag, type Vm } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { type Machine, machine, needs, runTo } from './machine.js';

const readAndWrite = code64`
  48 8b 03  ; mov rax, qword ptr [rbx]
  89 0b     ; mov dword ptr [rbx], ecx
  48 8b 13  ; mov rdx, qword ptr [rbx]
  f4        ; hlt
`;

const execute = code64`
  ff d3  ; call rbx
  f4     ; hlt
`;

const addThere = code64`
  80 03 01  ; add byte ptr [rbx], 1
  f4        ; hlt
`;

const returnSeven = code64`
  b8 07 00 00 00  ; mov eax, 7
  c3              ; ret
`;

const rom = 0xfff0_0000n;

/** A guest that has a page of ROM, with these bytes at its start. */
function withRom(guest: Machine, contents: Uint8Array): ReturnType<Machine['kvm']['allocateMemory']> {
  const memory = guest.kvm.allocateMemory({ size: 0x1000 });
  memory.write(0, contents);
  guest.vm.setUserMemoryRegion({ slot: 5, guestPhysAddr: rom, memory, flags: MemoryFlag.Readonly });
  return memory;
}

onEachBackend('read-only memory', (backend) => {
  const before = (context: Parameters<typeof needs>[0]) => (vm: Vm) => needs(context, vm, Cap.ReadonlyMem);

  test('is read without an exit; a write exits, and changes nothing', (context) => {
    using guest = machine(backend, 'long', readAndWrite, {
      before: before(context),
      regs: { rbx: rom, rcx: 0xffff_ffffn },
    });
    using memory = withRom(guest, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const { mmio } = runTo(guest.vcpu, ExitReason.Mmio);
    expect([mmio.physAddr, mmio.len, mmio.isWrite, mmio.value32]).toEqual([rom, 4, true, 0xffff_ffff]);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0x0807_0605_0403_0201n, rdx: 0x0807_0605_0403_0201n });
    expect(memory.read(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test('can be executed', (context) => {
    using guest = machine(backend, 'long', execute, { before: before(context), regs: { rbx: rom } });
    using _memory = withRom(guest, returnSeven);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rax).toBe(7n);
  });

  test('is read by a read-modify-write instruction, which then exits with the result', (context) => {
    using guest = machine(backend, 'long', addThere, { before: before(context), regs: { rbx: rom + 2n } });
    using _memory = withRom(guest, Uint8Array.of(0, 0, 41));
    const { mmio } = runTo(guest.vcpu, ExitReason.Mmio);
    expect([mmio.physAddr, mmio.len, mmio.isWrite, mmio.value32]).toEqual([rom + 2n, 1, true, 42]);
    runTo(guest.vcpu, ExitReason.Hlt);
  });

  test('shows the guest the writes of the host', (context) => {
    using guest = machine(backend, 'long', readAndWrite, { before: before(context), regs: { rbx: rom } });
    using memory = withRom(guest, Uint8Array.of(1));
    runTo(guest.vcpu, ExitReason.Mmio);
    expect(guest.vcpu.getRegs().rax).toBe(1n);
    memory.write(0, Uint8Array.of(9));
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rdx).toBe(9n);
  });

  test('becomes writable and read-only again between two runs', (context) => {
    using guest = machine(backend, 'long', addThere, { before: before(context), regs: { rbx: rom } });
    using memory = withRom(guest, Uint8Array.of(5));
    const { vm, vcpu } = guest;
    const start = vcpu.getRegs();
    for (const [flags, reason] of [
      [0, ExitReason.Hlt],
      [MemoryFlag.Readonly, ExitReason.Mmio],
      [0, ExitReason.Hlt],
    ] as const) {
      vm.setUserMemoryRegion({ slot: 5, guestPhysAddr: rom });
      vm.setUserMemoryRegion({ slot: 5, guestPhysAddr: rom, memory, flags });
      vcpu.setRegs(start);
      runTo(vcpu, reason);
      if (reason === ExitReason.Mmio) runTo(vcpu, ExitReason.Hlt);
    }
    expect([...memory.read(0, 1)]).toEqual([7]);
  });
});

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { describeUnless, onEachBackend, whyNot } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { codeAddress } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { Cap, ExitReason, GuestMemfdFlag, MemoryFlag } from '../abi/x86/index.js';
import type { Exit } from '../arch/x86/exit.js';
import { Kvm } from '../arch/x86/kvm.js';
import type { Vcpu } from '../arch/x86/vcpu/vcpu.js';
import type { Vm } from '../arch/x86/vm/vm.js';
import type { BackendName } from '../backend/backend.js';
import { backendNames } from '../backend/select.js';
import { pageSize } from './page-size.js';

const { EEXIST, EINVAL } = constants.errno;
const size = 16 * pageSize;
const core = new URL('../../dist/index.js', import.meta.url).href;
const mapped = GuestMemfdFlag.Mmap | GuestMemfdFlag.InitShared;

/** The support of guest_memfd for a default VM. */
function offered(): { file: boolean; flags: bigint } {
  using kvm = Kvm.open();
  using vm = kvm.createVm();
  return { file: vm.checkExtension(Cap.GuestMemfd) > 0, flags: BigInt(vm.checkExtension(Cap.GuestMemfdFlags)) };
}

function without(name: BackendName, lacks: () => string | undefined): string | undefined {
  return whyNot(name) ?? lacks();
}

function lacksFile(): string | undefined {
  return offered().file ? undefined : 'the host lacks KVM_CAP_GUEST_MEMFD';
}

function lacksMapping(): string | undefined {
  const { file, flags } = offered();
  return file && (flags & mapped) === mapped ? undefined : 'the host maps no guest_memfd';
}

function realModeVcpu(vm: Vm): Vcpu {
  const vcpu = vm.createVcpu(0);
  vcpu.setSregs(Object.assign(vcpu.getSregs(), { cs: { base: 0n, selector: 0 }, ds: { base: 0n, selector: 0 } }));
  vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });
  return vcpu;
}

onEachBackend('guest_memfd, on any host,', (backend) => {
  test('is refused with the name of the capability if the host lacks it', (context) => {
    using kvm = Kvm.open({ backend });
    // Ask the system, not a VM: some kernels create the file although a default VM cannot use it.
    if (kvm.checkExtension(Cap.GuestMemfd) > 0) context.skip('the host has KVM_CAP_GUEST_MEMFD');
    using vm = kvm.createVm();
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.createGuestMemfd(size));
    expect(error.message).toContain('KVM_CAP_GUEST_MEMFD');
  });

  test('is not created with a wrong size or wrong flags', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    for (const wrong of [0, 1, pageSize + 1, -pageSize, 2 ** 60]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createGuestMemfd(wrong));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.createGuestMemfd('4096' as never));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createGuestMemfd(size, 1 as never));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createGuestMemfd(size, -1n));
  });

  test('is optional for setUserMemoryRegion2, which then acts like setUserMemoryRegion', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.UserMemory2) === 0) context.skip('the host lacks KVM_CAP_USER_MEMORY2');
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size });
    memory.write(codeAddress, Uint8Array.of(0xf4));
    vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n, memory });
    const overlap = kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: 0n, memory }));
    expect(overlap).toMatchObject({ errno: EEXIST, ioctl: 'KVM_SET_USER_MEMORY_REGION2' });
    expect(overlap.hint).toMatch(/overlaps/);
    using vcpu = realModeVcpu(vm);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n });
    vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: 0n, memory });
  });
});

for (const backend of backendNames) {
  describeUnless(without(backend, lacksFile), `GuestMemfd (${backend})`, () => {
    test('owns its descriptor until it is closed', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      const memfd = vm.createGuestMemfd(size);
      const { fd } = memfd;
      expect(memfd).toMatchObject({ size, flags: 0n, closed: false });
      expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toContain('flags');
      memfd.close();
      memfd.close();
      expect(memfd.closed).toBe(true);
      expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
      kvmError('ERR_KVM_CLOSED', () => memfd.fd);
      kvmError('ERR_KVM_CLOSED', () => memfd.map());
      using memory = kvm.allocateMemory({ size });
      const region = { slot: 0, guestPhysAddr: 0n, memory, guestMemfd: memfd };
      kvmError('ERR_KVM_CLOSED', () => vm.setUserMemoryRegion2(region));
      expect(kvmError('ERR_KVM_SYSCALL', () => vm.createGuestMemfd(size, 1n << 40n))).toMatchObject({ errno: EINVAL });
    });

    test('is not mapped into this process if it is private', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using memfd = vm.createGuestMemfd(size);
      expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => memfd.map()).hint).toMatch(/GuestMemfdFlag.Mmap/);
    });

    test('loses discarded pages, and refuses a range that is not whole pages in it', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      const memfd = vm.createGuestMemfd(size);
      memfd.discard();
      memfd.discard(pageSize, 3 * pageSize);
      memfd.discard(size);
      memfd.discard(0, 0);
      for (const [offset, length] of [
        [1, pageSize],
        [0, 1],
        [-pageSize, pageSize],
        [0, -pageSize],
        [15 * pageSize, 2 * pageSize],
        [size + pageSize, 0],
        [0, 2 ** 60],
      ] as const) {
        kvmError('ERR_KVM_OUT_OF_RANGE', () => memfd.discard(offset, length));
      }
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => memfd.discard('0' as never));
      memfd.close();
      kvmError('ERR_KVM_CLOSED', () => memfd.discard());
    });

    test('must be a GuestMemfd, be large enough, and come with memory', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using memory = kvm.allocateMemory({ size });
      using guestMemfd = vm.createGuestMemfd(size);
      const set = (change: object) => () =>
        vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n, memory, guestMemfd, ...change });
      kvmError('ERR_KVM_INVALID_ARGUMENT', set({ guestMemfd: { fd: 0, size } }));
      kvmError('ERR_KVM_INVALID_ARGUMENT', set({ guestMemfd: null }));
      expect(kvmError('ERR_KVM_INVALID_ARGUMENT', set({ memory: undefined })).hint).toMatch(/memory has the pages/);
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestMemfdOffset: pageSize }));
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestMemfdOffset: 1, size: pageSize }));
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestMemfdOffset: size + pageSize, size: pageSize }));
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestMemfdOffset: -pageSize, size: pageSize }));
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ flags: -1 }));
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ flags: 1n }));
      using longer = kvm.allocateMemory({ size: 2 * size });
      kvmError('ERR_KVM_OUT_OF_RANGE', set({ memory: longer }));
    });

    test('belongs to one VM', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using other = kvm.createVm();
      using memory = kvm.allocateMemory({ size });
      using guestMemfd = vm.createGuestMemfd(size);
      const region = { slot: 0, guestPhysAddr: 0n, memory, guestMemfd };
      expect(kvmError('ERR_KVM_SYSCALL', () => other.setUserMemoryRegion2(region)).hint).toMatch(/of another VM/);
    });
  });

  describeUnless(without(backend, lacksMapping), `a mapped GuestMemfd (${backend})`, () => {
    test('is shared by the guest and this process, even after it was closed, until the slot is deleted', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      const guestMemfd = vm.createGuestMemfd(size, mapped);
      const { fd } = guestMemfd;
      const memory = guestMemfd.map();
      // mov al, [0x3000]; inc al; mov [0x3001], al; hlt
      memory.write(codeAddress, Uint8Array.of(0xa0, 0x00, 0x30, 0xfe, 0xc0, 0xa2, 0x01, 0x30, 0xf4));
      memory.write(0x3000, Uint8Array.of(41));
      vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n, memory, guestMemfd });
      const view = memory.bytes();
      guestMemfd.close();
      memory.close();
      using vcpu = realModeVcpu(vm);
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
      expect(view[0x3001]).toBe(42);
      expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toContain('flags');
      vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n });
      expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
      expect(view[0x3001]).toBe(0);
    });

    test('can back a slot with any part, and the slot cannot be changed', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using guestMemfd = vm.createGuestMemfd(size, mapped);
      using memory = guestMemfd.map();
      memory.write(3 * pageSize, Uint8Array.of(0xf4));
      const part = { memory, offset: 3 * pageSize, guestMemfd, guestMemfdOffset: 3 * pageSize, size: pageSize };
      vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: BigInt(codeAddress), ...part });
      const change = { slot: 0, guestPhysAddr: BigInt(codeAddress), ...part, flags: MemoryFlag.LogDirtyPages };
      expect(kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion2(change)).errno).toBe(EINVAL);
      using vcpu = realModeVcpu(vm);
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    });

    test('can be read and written after the buffer of its view was transferred away', (context) => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using guestMemfd = vm.createGuestMemfd(size, mapped);
      using memory = guestMemfd.map();
      // Node has it since 22; TypeScript's library is older.
      const buffer = memory.bytes().buffer as ArrayBufferLike & { transfer?(): ArrayBuffer };
      const moved = buffer.transfer?.();
      if (moved === undefined) return context.skip('buffers cannot be transferred here');
      const elsewhere = new Uint8Array(moved);
      using again = guestMemfd.map();
      memory.write(5, Uint8Array.of(7));
      expect([memory.read(5, 1)[0], again.read(5, 1)[0], elsewhere[5]]).toEqual([7, 7, 7]);
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => memory.bytes());
      const region = { slot: 0, guestPhysAddr: 0n, memory, guestMemfd };
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setUserMemoryRegion2(region));
      memory.close();
      expect([elsewhere[5], again.read(5, 1)[0]]).toEqual([0, 7]);
    });

    test('is unmapped after it is dropped, but not while a view or a slot has it', () => {
      const program = `import { Kvm, GuestMemfdFlag } from ${JSON.stringify(core)};
import { readFileSync } from 'node:fs';
        const mapped = () => readFileSync('/proc/self/maps', 'latin1').split('\\n')
          .filter((line) => /kvm-gmem|guest_memfd/.test(line)).length;
        const kvm = Kvm.open({ backend: '${backend}' });
        const fresh = () => {
          const vm = kvm.createVm();
          return { vm, guestMemfd: vm.createGuestMemfd(${size}, GuestMemfdFlag.Mmap | GuestMemfdFlag.InitShared) };
        };
        const before = mapped();
        const make = () => { for (let i = 0; i < 20; i++) fresh().guestMemfd.map(); };
        make();
        const most = mapped();
        const { view, vm } = (() => {
          const { vm, guestMemfd } = fresh();
          vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n, memory: guestMemfd.map(), guestMemfd });
          return { view: fresh().guestMemfd.map().bytes(0, 4096).fill(7), vm };
        })();
        for (let i = 0; i < 50 && mapped() > before + 3; i++) {
          gc();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        console.log(most - before, mapped() - before, view[0], vm.closed);`;
      const args = ['--expose-gc', '--input-type=module', '--eval', program];
      const [most, left, byte, closed] = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split(' ');
      expect(Number(most)).toBeGreaterThan(18);
      expect([Number(left) >= 2 && Number(left) <= 4, byte, closed]).toEqual([true, '7', 'false']);
    });

    describe('without its file', () => {
      /** mov al, [0]; hlt, with ds at the slot of a file that was closed. */
      function faulting(): { kvm: Kvm; vm: Vm; vcpu: Vcpu } {
        const kvm = Kvm.open({ backend });
        const vm = kvm.createVm();
        const memory = kvm.allocateMemory({ size });
        memory.write(codeAddress, Uint8Array.of(0xa0, 0x00, 0x00, 0xf4));
        vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
        const guestMemfd = vm.createGuestMemfd(size, mapped);
        const { fd } = guestMemfd;
        const shown = kvm.allocateMemory({ size });
        vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: BigInt(size), memory: shown, guestMemfd });
        const vcpu = realModeVcpu(vm);
        vcpu.setSregs(Object.assign(vcpu.getSregs(), { ds: { base: BigInt(size), selector: 0 } }));
        // Reuse the number at once, so that the slot closes this file in the end.
        closeSync(fd);
        expect(openSync('/dev/null', 'r')).toBe(fd);
        return { kvm, vm, vcpu };
      }

      const fault = { reason: ExitReason.MemoryFault, memoryFault: { gpa: BigInt(size), size: BigInt(pageSize) } };

      test('causes a memory fault exit on each access, for every kind of run', () => {
        const { kvm, vm, vcpu } = faulting();
        const shown = (exit: Exit | undefined): unknown =>
          exit?.reason === ExitReason.MemoryFault
            ? { reason: exit.reason, memoryFault: { gpa: exit.memoryFault.gpa, size: exit.memoryFault.size } }
            : exit?.reason;
        expect(shown(exitOf(vcpu))).toEqual(fault);
        expect(shown(exitOf(vcpu, performance.now() + 10_000))).toEqual(fault);
        expect(vcpu.deadlinePassed).toBe(false);
        // No instruction of the guest is pending.
        expect(vcpu.settle()).toBeUndefined();
        expect(shown(exitOf(vcpu))).toEqual(fault);
        vcpu.kick();
        expect(vcpu.run().reason).toBe(ExitReason.Intr);
        // Without the slot the read is an MMIO access.
        vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: 0n });
        expect(exitOf(vcpu).reason).toBe(ExitReason.Mmio);
        expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
        for (const object of [vcpu, vm, kvm]) object.close();
      });

      test('calls the handler memoryFault of `vm.start`', async () => {
        const { kvm, vm, vcpu } = faulting();
        const handlers = `data:text/javascript,${encodeURIComponent(
          'export function memoryFault({ memoryFault: { gpa, size } }, context) { context.post({ gpa, size }); }',
        )}`;
        const messages: unknown[] = [];
        const running = vm.start({
          vcpus: [vcpu],
          handlers,
          onMessage: (message) => {
            messages.push(message);
            running.stop();
          },
        });
        const [outcome] = await running.done;
        expect(messages[0]).toEqual(fault.memoryFault);
        for (const object of [outcome?.vcpu, vm, kvm]) object?.close();
      });
    });

    test('loses discarded pages in each mapping and for the guest', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using guestMemfd = vm.createGuestMemfd(size, mapped);
      using memory = guestMemfd.map();
      using again = guestMemfd.map();
      memory.write(0, new Uint8Array(size).fill(7));
      // mov al, [0x3000]; mov ah, [0x4000]; hlt
      memory.write(codeAddress, Uint8Array.of(0xa0, 0x00, 0x30, 0x8a, 0x26, 0x00, 0x40, 0xf4));
      vm.setUserMemoryRegion2({ slot: 0, guestPhysAddr: 0n, memory, guestMemfd });
      memory.discard(3 * pageSize, pageSize);
      for (const each of [memory, again]) {
        expect([2, 3, 4].map((page) => each.read((page + 1) * pageSize - 1, 1)[0])).toEqual([7, 0, 7]);
      }
      using vcpu = realModeVcpu(vm);
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
      expect(vcpu.getRegs().rax & 0xffffn).toBe(0x0700n);
      memory.write(3 * pageSize, Uint8Array.of(9));
      expect(again.read(3 * pageSize, 1)[0]).toBe(9);
    });

    test('loses pages that its file discards, mapped or not', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using code = kvm.allocateMemory({ size });
      // mov al, [0x1000]; mov byte [0x1000], 7; mov byte [0x2000], 8; mov ah, [0x2000]; hlt
      const program = [0xa0, 0x00, 0x10, 0xc6, 0x06, 0x00, 0x10, 7, 0xc6, 0x06, 0x00, 0x20, 8, 0x8a, 0x26, 0x00, 0x20];
      code.write(codeAddress, Uint8Array.of(...program, 0xf4));
      vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: code });
      using guestMemfd = vm.createGuestMemfd(size, mapped);
      using unused = kvm.allocateMemory({ size });
      vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: BigInt(size), memory: unused, guestMemfd });
      using vcpu = realModeVcpu(vm);
      vcpu.setSregs(Object.assign(vcpu.getSregs(), { ds: { base: BigInt(size), selector: 0 } }));
      const ax = (): bigint => {
        vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });
        expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
        return vcpu.getRegs().rax & 0xffffn;
      };
      expect([ax(), ax()]).toEqual([0x0800n, 0x0807n]);
      guestMemfd.discard(pageSize, pageSize);
      expect([ax(), ax()]).toEqual([0x0800n, 0x0807n]);
      // The ordinary memory of the same slot never had the guest's bytes.
      expect(unused.read(pageSize, 1)[0]).toBe(0);
      using memory = guestMemfd.map();
      expect([1, 2].map((page) => memory.read(page * pageSize, 1)[0])).toEqual([7, 8]);
      guestMemfd.discard(2 * pageSize);
      expect([1, 2].map((page) => memory.read(page * pageSize, 1)[0])).toEqual([7, 0]);
      guestMemfd.discard();
      expect(memory.read(0, size).every((byte) => byte === 0)).toBe(true);
    });

    test('cannot be sent to another Worker, and reads zero once it is unmapped', () => {
      using kvm = Kvm.open({ backend });
      using vm = kvm.createVm();
      using guestMemfd = vm.createGuestMemfd(size, mapped);
      const memory = guestMemfd.map();
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => memory.share());
      const view = memory.bytes().fill(1);
      using again = guestMemfd.map();
      expect(again.read(size - 1, 1)[0]).toBe(1);
      memory.close();
      expect(view[0]).toBe(0);
      expect(again.read(0, 1)[0]).toBe(1);
    });
  });
}

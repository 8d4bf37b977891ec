import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { guestImage } from '../../test/guests.js';
import { codeAddress, realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import {
  Cap,
  DeviceType,
  ExitReason,
  IrqfdFlag,
  KVM_CREATE_DEVICE,
  KVM_CREATE_GUEST_MEMFD,
  KVM_CREATE_VCPU,
  KVM_CREATE_VM,
  KVM_GET_STATS_FD,
  KVM_PIT_SPEAKER_DUMMY,
  KVM_SET_USER_MEMORY_REGION,
  KvmCreateDevice,
  KvmCreateGuestMemfd,
  KvmPitConfig,
  KvmUserspaceMemoryRegion,
  MemoryFlag,
} from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { enterMode } from '../arch/x86/mode.js';

const { EEXIST, EINVAL, ENOENT } = constants.errno;

onEachBackend('Vm', (backend) => {
  test('has its own values of capabilities', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    expect(kvm.checkExtension(Cap.CheckExtensionVm)).toBe(1);
    expect(vm.checkExtension(Cap.UserMemory)).toBe(1);
    expect(vm.checkExtension(0x7fff_ffff)).toBe(0);
  });

  test('creates vCPUs with distinct ids, and names the limit', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using first = vm.createVcpu(0);
    using second = vm.createVcpu(1);
    expect([first.id, second.id]).toEqual([0, 1]);
    const taken = kvmError('ERR_KVM_SYSCALL', () => vm.createVcpu(1));
    expect(taken).toMatchObject({ errno: EEXIST, ioctl: 'KVM_CREATE_VCPU' });
    expect(taken.hint).toMatch(/already/);
    const limit = kvm.checkExtension(Cap.MaxVcpuId);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createVcpu(limit)).message).toContain(`0 to ${limit - 1}`);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createVcpu(-1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createVcpu(0.5));
  });

  test('gives the guest memory of this process, and removes it', () => {
    // mov al, [0x3000]; inc al; mov [0x3001], al; hlt
    using guest = realModeGuest(backend, [0xa0, 0x00, 0x30, 0xfe, 0xc0, 0xa2, 0x01, 0x30, 0xf4]);
    guest.memory.bytes()[0x3000] = 41;
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    expect(guest.memory.bytes()[0x3001]).toBe(42);
    // Keep the guest's code: on some processors a guest without it spins forever.
    guest.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n });
    guest.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: guest.memory, size: 0x3000 });
    guest.vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });
    const exit = exitOf(guest.vcpu);
    if (exit.reason !== ExitReason.Mmio) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.mmio.physAddr, exit.mmio.isWrite]).toEqual([0x3000n, false]);
  });

  test('refuses a region that is not page-aligned, is outside its memory, or overlaps another', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x4000 });
    const set = (change: object) => () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, ...change });
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestPhysAddr: 1n })).message).toMatch(/guestPhysAddr.*whole pages/);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ guestPhysAddr: 1n << 64n })).message).toMatch(/guestPhysAddr/);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ offset: 1 })).message).toMatch(/offset.*whole pages/);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ size: 1 })).message).toMatch(/size.*whole pages/);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ size: 0 })).message).toMatch(/must not be 0/);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', set({ offset: 0x4000, size: 0x1000 })).message).toMatch(
      /leave the guest memory/,
    );
    kvmError('ERR_KVM_OUT_OF_RANGE', set({ slot: -1 }));
    kvmError('ERR_KVM_OUT_OF_RANGE', set({ flags: 2 ** 32 }));
    set({})();
    const overlap = kvmError('ERR_KVM_SYSCALL', set({ slot: 1 }));
    expect(overlap).toMatchObject({ errno: EEXIST, ioctl: 'KVM_SET_USER_MEMORY_REGION' });
    expect(overlap.hint).toMatch(/overlaps/);
    expect(kvmError('ERR_KVM_SYSCALL', set({ flags: 1 << 30 })).errno).toBe(EINVAL);
  });

  test('refuses a raw call that passes an address', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const region = KvmUserspaceMemoryRegion.from({ memorySize: 4096n, userspaceAddr: 4096n });
    const error = kvmError('ERR_KVM_UNSAFE', () => vm.ioctl(KVM_SET_USER_MEMORY_REGION, region));
    expect(error.ioctl).toBe('KVM_SET_USER_MEMORY_REGION');
  });

  test('refuses a raw call that creates a descriptor without an owner', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const before = readdirSync('/proc/self/fd').length;
    const refusals = [
      () => kvm.ioctl(KVM_CREATE_VM, 0),
      () => vm.ioctl(KVM_CREATE_VCPU, 1),
      () => vm.ioctl(KVM_CREATE_DEVICE, KvmCreateDevice.from({ type: DeviceType.Vfio })),
      () => vm.ioctl(KVM_GET_STATS_FD),
      () => vcpu.ioctl(KVM_GET_STATS_FD),
      () => vm.ioctl(KVM_CREATE_GUEST_MEMFD, KvmCreateGuestMemfd.from({ size: 4096n })),
    ].map((call) => kvmError('ERR_KVM_UNSAFE', call).hint);
    expect(refusals).toEqual([
      'use kvm.createVm()',
      'use vm.createVcpu()',
      'use vm.createDevice()',
      'use stats()',
      'use stats()',
      'use vm.createGuestMemfd()',
    ]);
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  test('makes a region read-only, so that a write to it is an MMIO exit', (context) => {
    // mov byte [0x3000], 7; hlt
    using guest = realModeGuest(backend, [0xc6, 0x06, 0x00, 0x30, 0x07, 0xf4]);
    if (guest.kvm.checkExtension(Cap.ReadonlyMem) === 0) context.skip('the host lacks KVM_CAP_READONLY_MEM');
    guest.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n });
    guest.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: guest.memory, flags: MemoryFlag.Readonly });
    const exit = exitOf(guest.vcpu);
    if (exit.reason !== ExitReason.Mmio) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.mmio.physAddr, exit.mmio.value32, exit.mmio.isWrite]).toEqual([0x3000n, 7, true]);
    expect(guest.memory.bytes()[0x3000]).toBe(0);
  });

  test('creates the interrupt controller and the timer, in this order', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    try {
      using early = kvm.createVm();
      // Older kernels create a timer that has no effect.
      early.createPit2();
    } catch (error) {
      expect(error).toMatchObject({ errno: ENOENT, hint: expect.stringMatching(/createIrqChip/) });
    }
    vm.createIrqChip();
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.createIrqChip()).errno).toBe(EEXIST);
    vm.createPit2(KvmPitConfig.from({ flags: KVM_PIT_SPEAKER_DUMMY }));
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.createPit2({ flags: 0 })).errno).toBe(EEXIST);
  });

  test('sets the clock of the guest and reads it back, running', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using _vcpu = vm.createVcpu(0);
    const hour = 3_600_000_000_000n;
    vm.setClock({ clock: hour });
    const first = vm.getClock().clock;
    expect(first).toBeGreaterThanOrEqual(hour);
    expect(first).toBeLessThan(2n * hour);
    expect(vm.getClock().clock).toBeGreaterThanOrEqual(first);
  });

  test('takes the addresses that an Intel host needs, only before the first vCPU', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.setIdentityMapAddr(0xfffb_c000n);
    vm.setIdentityMapAddr(0n);
    vm.setTssAddr(0xfffb_d000n);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setTssAddr(2n ** 32n));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setTssAddr('0xfffbd000' as never));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setTssAddr(0xfffb_d000 as never));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setIdentityMapAddr(-1n));
    using _vcpu = vm.createVcpu(0);
    const late = kvmError('ERR_KVM_SYSCALL', () => vm.setIdentityMapAddr(0n));
    expect(late).toMatchObject({ errno: EINVAL });
    expect(late.hint).toMatch(/before the first vCPU/);
  });

  test('assigns an eventfd to an interrupt line once, and deassigns it', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using eventfd = kvm.createEventFd();
    kvmError('ERR_KVM_SYSCALL', () => vm.irqfd({ eventfd, gsi: 4 }));
    vm.createIrqChip();
    vm.irqfd({ eventfd, gsi: 4 });
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.irqfd({ eventfd, gsi: 4 })).hint).toMatch(/assigned already/);
    vm.irqfd({ eventfd, gsi: 4, flags: IrqfdFlag.Deassign });
    vm.irqfd({ eventfd, gsi: 4 });
    eventfd.close();
    kvmError('ERR_KVM_CLOSED', () => vm.irqfd({ eventfd, gsi: 5 }));
  });

  test('lets an eventfd interrupt a halted guest', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using memory = kvm.allocateMemory({ size: 0x10000 });
    memory.write(codeAddress, guestImage('irq'));
    vm.mapMemory(memory, 0n);
    using vcpu = vm.createVcpu(0);
    enterMode(vcpu, 'real', { memory, entry: BigInt(codeAddress), stackTop: 0x8000n });
    using eventfd = kvm.createEventFd();
    vm.irqfd({ eventfd, gsi: 4 });
    for (const value of [1, 2]) {
      const exit = exitOf(vcpu);
      if (exit.reason !== ExitReason.Io) throw new Error(`exit reason ${exit.reason}`);
      expect([exit.io.port, exit.io.value]).toEqual([0x10, value]);
      // The guest is about to halt in the kernel: without the interrupt the next run would not return.
      eventfd.write();
    }
  });

  test('enables a capability, but none that takes an address', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.enableCap(Cap.SplitIrqChip, [24n]);
    vm.irqfd({ eventfd: kvm.createEventFd(), gsi: 4 });
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.enableCap(Cap.SplitIrqChip, [24n])).ioctl).toBe('KVM_ENABLE_CAP');
    kvmError('ERR_KVM_UNSAFE', () => vm.enableCap(Cap.SwTlb, [1n]));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.enableCap(Cap.SplitIrqChip, [1n, 2n, 3n, 4n, 5n]));
  });

  test('refuses a wrong memory, eventfd or line', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 4096 });
    using eventfd = kvm.createEventFd();
    const wrong = (value: unknown): never => value as never;
    for (const use of [
      () => vm.setUserMemoryRegion(wrong(undefined)),
      () =>
        vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: wrong({ bytes: () => new Uint8Array(4096) }) }),
      () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: wrong(null) }),
      () => vm.setUserMemoryRegion({ slot: wrong('0'), guestPhysAddr: 0n, memory }),
      () => vm.mapMemory(wrong({}), 0n),
      () => vm.irqfd(wrong(undefined)),
      () => vm.irqfd({ eventfd: wrong({ fd: 0 }), gsi: 0 }),
      () => vm.irqfd({ eventfd, gsi: wrong(undefined) }),
      () => vm.irqfd({ eventfd, gsi: 4, flags: IrqfdFlag.Resample }),
      () => vm.setClock(wrong([])),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.mapMemory(memory, wrong(0)));
    const slots = kvm.checkExtension(Cap.NrMemslots);
    const beyond = () => vm.setUserMemoryRegion({ slot: slots, guestPhysAddr: 0n, memory });
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', beyond).message).toContain(`0 to ${slots - 1}`);
  });

  test('keeps its descriptor open for its vCPUs, and closes it with the last', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const { fd } = vm;
    const vcpu = vm.createVcpu(0);
    vm.close();
    vm.close();
    expect(vm.closed).toBe(true);
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toContain('flags');
    expect(vcpu.getRegs().rflags).toBe(2n);
    vcpu.close();
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
  });

  test('refuses every call once it is closed', () => {
    using kvm = Kvm.open({ backend });
    using memory = kvm.allocateMemory({ size: 4096 });
    using eventfd = kvm.createEventFd();
    const vm = kvm.createVm();
    vm.close();
    for (const use of [
      () => vm.fd,
      () => vm.checkExtension(0),
      () => vm.createVcpu(0),
      () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory }),
      () => vm.mapMemory(memory, 0n),
      () => vm.createIrqChip(),
      () => vm.createPit2(),
      () => vm.getClock(),
      () => vm.setClock({}),
      () => vm.irqfd({ eventfd, gsi: 0 }),
      () => vm.setIdentityMapAddr(0n),
      () => vm.setTssAddr(0n),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});

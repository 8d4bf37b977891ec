import { constants } from 'node:os';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { Cap, ExitReason, IoeventfdFlag } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';

const { EEXIST, EINVAL, ENOENT } = constants.errno;

/** mov byte [fs:offset], value */
function mmioWrite(offset: number, value: number): number[] {
  return [0x64, 0xc6, 0x06, offset & 0xff, offset >> 8, value];
}

/** An address beyond the 64 KiB of the guest's slot. */
const device = 0x2_0000n;
/** mov ax, 0x2000; mov fs, ax */
const deviceSegment = [0xb8, 0x00, 0x20, 0x8e, 0xe0];
/** mov al, value; out port, al */
const portWrite = (port: number, value: number): number[] => [0xb0, value, 0xe6, port];
const hlt = 0xf4;

onEachBackend('ioeventfd', (backend) => {
  test('signals for a matching write, and every other write is an exit', () => {
    const writes = [portWrite(0x10, 1), portWrite(0x10, 2), portWrite(0x11, 1)].flat();
    using guest = realModeGuest(backend, [...writes, hlt]);
    const { kvm, vm, vcpu } = guest;
    using eventfd = kvm.createEventFd();
    vm.ioeventfd({ eventfd, addr: 0x10n, len: 1, datamatch: 2n, flags: IoeventfdFlag.Pio });
    const seen: [number, number][] = [];
    let exit = exitOf(vcpu);
    for (; exit.reason === ExitReason.Io; exit = exitOf(vcpu)) seen.push([exit.io.port, exit.io.value]);
    expect(exit.reason).toBe(ExitReason.Hlt);
    expect(seen).toEqual([
      [0x10, 1],
      [0x11, 1],
    ]);
    expect(eventfd.read()).toBe(1n);
  });

  test('signals for any value of one length, or of any length if the host supports it', () => {
    // out 0x10, al; out 0x10, ax; out 0x10, eax
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xe7, 0x10, 0x66, 0xe7, 0x10, hlt, 0xeb, 0xf6]);
    const { kvm, vm, vcpu } = guest;
    using eventfd = kvm.createEventFd();
    const sizes = (): number[] => {
      const left: number[] = [];
      let exit = exitOf(vcpu);
      for (; exit.reason === ExitReason.Io; exit = exitOf(vcpu)) left.push(exit.io.size);
      expect(exit.reason).toBe(ExitReason.Hlt);
      return left;
    };
    for (const len of [1, 2, 4]) {
      const place = { eventfd, addr: 0x10n, len };
      vm.ioeventfd({ ...place, flags: IoeventfdFlag.Pio });
      expect(sizes()).toEqual([1, 2, 4].filter((size) => size !== len));
      expect(eventfd.read()).toBe(1n);
      vm.ioeventfd({ ...place, flags: IoeventfdFlag.Pio | IoeventfdFlag.Deassign });
      expect(sizes()).toEqual([1, 2, 4]);
      expect(eventfd.read()).toBe(0n);
    }
    const any = { eventfd, addr: 0x10n, len: 0, flags: IoeventfdFlag.Pio };
    if (kvm.checkExtension(Cap.IoeventfdAnyLength) > 0) {
      vm.ioeventfd(any);
      expect(sizes()).toEqual([]);
      expect(eventfd.read()).toBe(3n);
    } else {
      kvmError('ERR_KVM_UNSUPPORTED', () => vm.ioeventfd(any));
    }
  });

  test('signals for memory that no slot backs', () => {
    using guest = realModeGuest(backend, [...deviceSegment, ...mmioWrite(8, 5), ...mmioWrite(9, 5), hlt]);
    const { kvm, vm, vcpu } = guest;
    using eventfd = kvm.createEventFd();
    vm.ioeventfd({ eventfd, addr: device + 8n, len: 1 });
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.Mmio) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.mmio.physAddr, exit.mmio.value32]).toEqual([device + 9n, 5]);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    expect(eventfd.read()).toBe(1n);
  });

  test('keeps signalling after its EventFd and its Vm are closed', () => {
    using guest = realModeGuest(backend, [...portWrite(0x10, 1), hlt]);
    const { kvm, vm, vcpu } = guest;
    const eventfd = kvm.createEventFd();
    vm.ioeventfd({ eventfd, addr: 0x10n, len: 1, flags: IoeventfdFlag.Pio });
    eventfd.close();
    vm.close();
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('exists once per address, and is removed by the same configuration', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using eventfd = kvm.createEventFd();
    using other = kvm.createEventFd();
    const place = { eventfd, addr: 0x10n, len: 2, datamatch: 7n };
    vm.ioeventfd(place);
    vm.ioeventfd({ ...place, datamatch: 8n });
    vm.ioeventfd({ ...place, flags: IoeventfdFlag.Pio });
    const taken = kvmError('ERR_KVM_SYSCALL', () => vm.ioeventfd({ ...place, eventfd: other }));
    expect(taken).toMatchObject({ errno: EEXIST, ioctl: 'KVM_IOEVENTFD' });
    expect(taken.hint).toMatch(/already/);
    const deassign = (change: object) => () => vm.ioeventfd({ ...place, flags: IoeventfdFlag.Deassign, ...change });
    expect(kvmError('ERR_KVM_SYSCALL', deassign({ eventfd: other }))).toMatchObject({ errno: ENOENT });
    expect(kvmError('ERR_KVM_SYSCALL', deassign({ datamatch: 9n })).hint).toMatch(/none like it/);
    deassign({})();
    expect(kvmError('ERR_KVM_SYSCALL', deassign({})).errno).toBe(ENOENT);
  });

  test('refuses a wrong eventfd, length or value', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using eventfd = kvm.createEventFd();
    const place = { eventfd, addr: 0x10n, len: 1 };
    for (const wrong of [
      undefined,
      { ...place, eventfd: { fd: 0 } },
      { ...place, eventfd: undefined },
      { ...place, eventfd: eventfd.fd },
      { ...place, len: undefined },
      { ...place, datamatch: '1' },
      { ...place, flags: IoeventfdFlag.Datamatch },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.ioeventfd(wrong as never));
    }
    for (const wrong of [
      { ...place, len: 3 },
      { ...place, len: -1 },
      { ...place, len: 16 },
      { ...place, addr: -1n },
      { ...place, addr: 1n << 64n },
      { ...place, datamatch: 256n },
      { ...place, len: 0, datamatch: 1n },
      { ...place, flags: -1 },
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.ioeventfd(wrong));
    }
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.ioeventfd({ ...place, flags: 1 << 30 })).errno).toBe(EINVAL);
    vm.ioeventfd({ ...place, len: 8, datamatch: 0xffff_ffff_ffff_ffffn });
    eventfd.close();
    kvmError('ERR_KVM_CLOSED', () => vm.ioeventfd(place));
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => vm.ioeventfd({ ...place, eventfd: kvm.createEventFd() }));
  });
});

onEachBackend('coalesced writes', (backend) => {
  const noRing = 'the host lacks KVM_CAP_COALESCED_MMIO';

  test('stay in the ring, in order, until the guest exits for another reason', (context) => {
    const writes = [mmioWrite(4, 11), mmioWrite(5, 12), portWrite(0x10, 13), portWrite(0x10, 14), portWrite(0x20, 15)];
    using guest = realModeGuest(backend, [...deviceSegment, ...writes.flat(), hlt]);
    const { kvm, vm, vcpu } = guest;
    if (kvm.checkExtension(Cap.CoalescedMmio) === 0) context.skip(noRing);
    if (kvm.checkExtension(Cap.CoalescedPio) === 0) context.skip('the host lacks KVM_CAP_COALESCED_PIO');
    vm.registerCoalescedMmio({ addr: device, size: 0x100 });
    vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    const ring = vcpu.coalescedRing;
    expect(vcpu.coalescedRing).toBe(ring);
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.Io) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.io.port, exit.io.value]).toEqual([0x20, 15]);
    expect(inspect(ring)).toMatch(/^CoalescedRing \{ entries: \d{2,}, waiting: 4 \}$/);
    const seen: object[] = [];
    const objects = new Set<object>();
    const drained = ring.drain((access) => {
      const { address, physAddr, len, pio, value, value32, data } = access;
      seen.push({ address, physAddr, len, pio, value, value32, data: [...data] });
      objects.add(access);
    });
    const write = (address: number, pio: boolean, value: number): object => {
      return { address, physAddr: BigInt(address), len: 1, pio, value: BigInt(value), value32: value, data: [value] };
    };
    expect(drained).toBe(4);
    expect(seen).toEqual([
      write(Number(device) + 4, false, 11),
      write(Number(device) + 5, false, 12),
      write(0x10, true, 13),
      write(0x10, true, 14),
    ]);
    expect(objects.size).toBe(1);
    expect(ring.drain(() => {})).toBe(0);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('are exits again once their zone is removed', (context) => {
    using guest = realModeGuest(backend, [...deviceSegment, ...mmioWrite(0, 1), hlt, ...mmioWrite(0, 2), hlt]);
    const { kvm, vm, vcpu } = guest;
    if (kvm.checkExtension(Cap.CoalescedMmio) === 0) context.skip(noRing);
    vm.registerCoalescedMmio({ addr: device, size: 0x10 });
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    vm.unregisterCoalescedMmio({ addr: device, size: 0x10 });
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.Mmio) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.mmio.physAddr, exit.mmio.value32]).toEqual([device, 2]);
    const waiting: number[] = [];
    vcpu.coalescedRing.drain(({ value32 }) => waiting.push(value32));
    expect(waiting).toEqual([1]);
  });

  test('are never lost: a full ring causes an exit', (context) => {
    // mov cx, 1000; again: mov [fs:0], cx; loop again; hlt
    const loop = [0xb9, 0xe8, 0x03, 0x64, 0x89, 0x0e, 0x00, 0x00, 0xe2, 0xf9];
    using guest = realModeGuest(backend, [...deviceSegment, ...loop, hlt]);
    const { kvm, vm, vcpu } = guest;
    if (kvm.checkExtension(Cap.CoalescedMmio) === 0) context.skip(noRing);
    vm.registerCoalescedMmio({ addr: device, size: 2 });
    const seen: number[] = [];
    const drain = (): number => vcpu.coalescedRing.drain(({ value32 }) => seen.push(value32));
    let full = 0;
    let exit = exitOf(vcpu);
    for (; exit.reason === ExitReason.Mmio; exit = exitOf(vcpu)) {
      full++;
      // Older kernels treat a ring of 170 as full at 85: they compute its free space modulo 170 in 32 bits.
      expect(drain()).toBeGreaterThan(80);
      seen.push(exit.mmio.value32);
    }
    drain();
    expect(exit.reason).toBe(ExitReason.Hlt);
    expect(full).toBeGreaterThan(2);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => 1000 - i));
  });

  test('are handled once each, even if the handler throws or drains the ring', (context) => {
    using guest = realModeGuest(backend, [...deviceSegment, ...[1, 2, 3, 4].flatMap((i) => mmioWrite(0, i)), hlt]);
    const { kvm, vm, vcpu } = guest;
    if (kvm.checkExtension(Cap.CoalescedMmio) === 0) context.skip(noRing);
    vm.registerCoalescedMmio({ addr: device, size: 2 });
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    const ring = vcpu.coalescedRing;
    const seen: number[] = [];
    const failing = (): number =>
      ring.drain(({ value32 }) => {
        seen.push(value32);
        throw new Error('thrown by the handler');
      });
    expect(failing).toThrow(/by the handler/);
    // A handler may drain the ring, too.
    ring.drain(({ value32 }) => {
      seen.push(value32);
      ring.drain((access) => seen.push(access.value32));
    });
    expect(seen).toEqual([1, 2, 3, 4]);
    for (const wrong of [undefined, null, {}, 1]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => ring.drain(wrong as never));
    }
  });

  test('end when the vCPU is closed, and its ring never faults', (context) => {
    using guest = realModeGuest(backend, [...deviceSegment, ...mmioWrite(0, 1), hlt]);
    const { kvm, vm, vcpu } = guest;
    if (kvm.checkExtension(Cap.CoalescedMmio) === 0) context.skip(noRing);
    vm.registerCoalescedMmio({ addr: device, size: 2 });
    exitOf(vcpu);
    const ring = vcpu.coalescedRing;
    vm.close();
    vcpu.close();
    expect(ring.drain(() => {})).toBe(0);
    expect(inspect(ring)).toContain('waiting: 0');
    kvmError('ERR_KVM_CLOSED', () => vcpu.coalescedRing);
    kvmError('ERR_KVM_CLOSED', () => vm.registerCoalescedMmio({ addr: device, size: 2 }));
  });

  test('need a valid zone: an address, a size, and whether it has ports', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const zone = { addr: device, size: 2 };
    for (const call of ['registerCoalescedMmio', 'unregisterCoalescedMmio'] as const) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm[call](undefined as never));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm[call]({ ...zone, pio: 'yes' as never }));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm[call]({ ...zone, addr: '0' as never }));
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm[call]({ ...zone, addr: 1n << 64n }));
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm[call]({ ...zone, size: 0 }));
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm[call]({ ...zone, size: 2 ** 32 }));
    }
  });
});

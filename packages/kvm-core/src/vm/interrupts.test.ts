import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { type Interruptible, interruptible, Port } from '../../test/interruptible.js';
import { Cap, IrqChipId, XenHvmConfigFlag } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Lapic, LapicRegister } from '../arch/x86/lapic.js';
import type { Vm } from '../arch/x86/vm/vm.js';
import type { GsiRoute } from './gsi-route.js';

const { EINVAL, ENXIO } = constants.errno;
const apic = 0xfee0_0000n;

/** Gives line 4 of the PIC vector 0x24, and unmasks it. */
function openLine4(vm: Vm): void {
  vm.setIrqChip(IrqChipId.PicMaster, { irqBase: 0x20, imr: 0xef });
}

/** Enables the local APIC, so that it accepts messages. */
function turnOn({ vcpu }: Interruptible): void {
  const lapic = vcpu.getLapic();
  lapic.set(LapicRegister.Svr, 0x1ff);
  vcpu.setLapic(lapic);
}

onEachBackend('the interrupts of a VM', (backend) => {
  test('are delivered by lines, which are raised and lowered', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    openLine4(guest.vm);
    for (let i = 0; i < 3; i++) {
      expect(guest.next()[0]).toBe(Port.Ready);
      guest.vm.irqLine(4, true);
      guest.vm.irqLine(4, false);
      expect(guest.next()).toEqual([Port.Taken, 0x24]);
      expect(guest.next()).toEqual([Port.Ended, 0x24]);
    }
  });

  test('by lines report whether they reached the guest, were pending already, or are masked', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    openLine4(guest.vm);
    expect(guest.next()[0]).toBe(Port.Ready);
    expect(guest.vm.irqLineStatus(4, true)).toBeGreaterThan(0);
    guest.vm.irqLine(4, false);
    // The guest has not taken the first one yet.
    expect(guest.vm.irqLineStatus(4, true)).toBe(0);
    expect(guest.vm.irqLineStatus(5, true)).toBeLessThanOrEqual(0);
    expect(guest.next()).toEqual([Port.Taken, 0x24]);
  });

  test('are delivered by messages', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    turnOn(guest);
    expect(guest.next()[0]).toBe(Port.Ready);
    expect(guest.vm.signalMsi({ address: apic, data: 0x51 })).toBe(true);
    expect(guest.vcpu.getLapic().vectors(LapicRegister.Irr)).toEqual([0x51]);
    expect(guest.next()).toEqual([Port.Taken, 0x51]);
    expect(guest.vcpu.getLapic().vectors(LapicRegister.Irr)).toEqual([]);
    // To a missing APIC.
    expect(guest.vm.signalMsi({ address: apic | (9n << 12n), data: 0x51 })).toBe(false);
  });

  test('follow routes to a pin or a message, and go nowhere without a route', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    openLine4(guest.vm);
    turnOn(guest);
    guest.vm.setGsiRouting([
      { gsi: 9, irqChip: { irqChip: IrqChipId.PicMaster, pin: 4 } },
      { gsi: 9, irqChip: { irqChip: IrqChipId.Ioapic, pin: 9 } },
      { gsi: 40, msi: { address: apic, data: 0x61 } },
    ]);
    expect(guest.next()[0]).toBe(Port.Ready);
    guest.vm.irqLine(4, true);
    guest.vm.irqLine(9, true);
    guest.vm.irqLine(9, false);
    expect(guest.next()).toEqual([Port.Taken, 0x24]);
    expect(guest.next()).toEqual([Port.Ended, 0x24]);
    expect(guest.next()[0]).toBe(Port.Ready);
    using eventfd = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: 40 });
    eventfd.write();
    expect(guest.next()).toEqual([Port.Taken, 0x61]);
    guest.vm.setGsiRouting([]);
    expect(guest.vm.irqLineStatus(9, true)).toBeLessThan(0);
  });

  test('of a level-triggered eventfd signal its resample eventfd once the guest has acknowledged them', (context) => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    if (guest.kvm.checkExtension(Cap.IrqfdResample) === 0) context.skip('the host lacks KVM_CAP_IRQFD_RESAMPLE');
    openLine4(guest.vm);
    using eventfd = guest.kvm.createEventFd();
    using resample = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: 4, resample });
    expect(guest.next()[0]).toBe(Port.Ready);
    eventfd.write();
    expect(guest.next()).toEqual([Port.Taken, 0x24]);
    expect(guest.next()).toEqual([Port.Ended, 0x24]);
    expect(resample.read()).toBeGreaterThan(0n);
  });

  test('reach local APICs in the kernel if the other controllers are in user space', () => {
    using guest = interruptible(backend, (vm) => vm.createSplitIrqChip(24));
    turnOn(guest);
    guest.vm.setGsiRouting([{ gsi: 0, msi: { address: apic, data: 0x71 } }]);
    expect(guest.next()[0]).toBe(Port.Ready);
    guest.vm.irqLine(0, true);
    expect(guest.next()).toEqual([Port.Taken, 0x71]);
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.getIrqChip(IrqChipId.Ioapic)).errno).toBe(ENXIO);
    // A split controller has no pins.
    const pin: GsiRoute = { gsi: 0, irqChip: { irqChip: IrqChipId.Ioapic, pin: 0 } };
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.setGsiRouting([pin])).errno).toBe(EINVAL);
    kvmError('ERR_KVM_SYSCALL', () => guest.vm.createIrqChip());
  });

  test('need a controller first, and the hint names it', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using eventfd = kvm.createEventFd();
    for (const use of [
      () => vm.irqLine(4, true),
      () => vm.irqLineStatus(4, true),
      () => vm.signalMsi({ address: apic, data: 0x51 }),
      () => vm.setGsiRouting([{ gsi: 0, msi: { address: apic, data: 0x51 } }]),
      () => vm.irqfd({ eventfd, gsi: 4 }),
      () => vm.getIrqChip(IrqChipId.PicMaster),
      () => vm.setIrqChip(IrqChipId.PicMaster, {}),
    ]) {
      expect(kvmError('ERR_KVM_SYSCALL', use).hint).toMatch(/createIrqChip/);
    }
    vm.createVcpu(0).close();
    const late = kvmError('ERR_KVM_SYSCALL', () => vm.createSplitIrqChip(24));
    expect(late.hint).toMatch(/too late/);
  });

  test('refuse a route without a target, with two, or from a GSI out of range', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    const limit = kvm.checkExtension(Cap.IrqRouting);
    const msi = { address: apic, data: 0x51 };
    const route = (value: unknown) => () => vm.setGsiRouting([value as GsiRoute]);
    for (const use of [
      route({ gsi: 0 }),
      route({ gsi: 0, ioapic: { pin: 4 } }),
      route({ gsi: 0, type: 2 }),
      route({ gsi: 0, msi, irqChip: { irqChip: 0, pin: 0 } }),
      route({ gsi: 0, msi: 0x51 }),
      route({ gsi: 0, msi: { address: apic } }),
      route({ gsi: 0, irqChip: { chip: 1 } }),
      route({ gsi: undefined, msi }),
      route(null),
      () => vm.setGsiRouting(undefined as never),
      () => vm.irqLine(4, 1 as never),
      () => vm.signalMsi(undefined as never),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
    using eventfd = kvm.createEventFd();
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.irqfd({ eventfd, gsi: 4, flags: Symbol('1') as never }));
    for (const wrong of [{ fd: 0 }, eventfd.fd, eventfd.share()] as never[]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.irqfd({ eventfd: wrong, gsi: 4 }));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.irqfd({ eventfd, gsi: 4, resample: wrong }));
    }
    for (const use of [
      route({ gsi: limit, msi }),
      route({ gsi: -1, msi }),
      route({ gsi: 0, msi: { address: -1n, data: 0 } }),
      route({ gsi: 0, msi: { address: apic, data: 2 ** 32 } }),
      () => vm.setGsiRouting(Array.from({ length: limit + 1 }, () => ({ gsi: 0, msi }))),
      () => vm.irqLine(limit, true),
      () => vm.irqLineStatus(-1, true),
      () => vm.irqfd({ eventfd, gsi: limit }),
      () => vm.irqfd({ eventfd, gsi: 4, flags: 1n as never }),
      () => vm.createSplitIrqChip(limit + 1),
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', use);
    }
    for (const use of [
      route({ gsi: 0, irqChip: { irqChip: IrqChipId.Ioapic, pin: 24 } }),
      route({ gsi: 0, irqChip: { irqChip: 7, pin: 0 } }),
      // x86 has no adapter interrupts.
      route({
        gsi: 0,
        adapter: { indAddr: 0n, summaryAddr: 0n, indOffset: 0n, summaryOffset: 0, adapterId: 0 },
      }),
      () =>
        vm.setGsiRouting([
          { gsi: 0, msi },
          { gsi: 0, msi },
        ]),
    ]) {
      expect(kvmError('ERR_KVM_SYSCALL', use)).toMatchObject({ errno: EINVAL, ioctl: 'KVM_SET_GSI_ROUTING' });
    }
    vm.close();
    kvmError('ERR_KVM_CLOSED', route({ gsi: 0, msi }));
    kvmError('ERR_KVM_CLOSED', () => vm.irqLine(4, true));
    kvmError('ERR_KVM_CLOSED', () => vm.irqLineStatus(4, true));
    kvmError('ERR_KVM_CLOSED', () => vm.signalMsi(msi));
  });

  test('of Hyper-V and Xen have routes if the host supports them', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using vcpu = vm.createVcpu(0);
    const take = (route: GsiRoute) => () => vm.setGsiRouting([route]);
    const sint = take({ gsi: 50, hvSint: { vcpu: 0, sint: 2 } });
    const evtchn = take({ gsi: 51, xenEvtchn: { port: 1, vcpu: vcpu.id } });
    for (const [has, use] of [
      [kvm.checkExtension(Cap.HyperVSynic) > 0, sint],
      [(kvm.checkExtension(Cap.XenHvm) & XenHvmConfigFlag.Evtchn2level) !== 0, evtchn],
    ] as const) {
      if (has) use();
      else expect(kvmError('ERR_KVM_SYSCALL', use).hint).toMatch(/this host has no routes of its kind/);
    }
  });
});

test('a Lapic has 32-bit registers, sixteen bytes apart', () => {
  const lapic = new Lapic();
  lapic.set(LapicRegister.Tpr, 0x30);
  lapic.set(LapicRegister.Irr + 0x10, 0x8000_0001);
  expect([lapic.get(LapicRegister.Tpr), lapic.bytes[0x80]]).toEqual([0x30, 0x30]);
  expect(lapic.vectors(LapicRegister.Irr)).toEqual([0x20, 0x3f]);
  for (const use of [
    () => lapic.get(0x81),
    () => lapic.get(0x400),
    () => lapic.set(-16, 0),
    () => lapic.set(LapicRegister.Tpr, 2 ** 32),
  ]) {
    kvmError('ERR_KVM_OUT_OF_RANGE', use);
  }
  kvmError('ERR_KVM_INVALID_ARGUMENT', () => lapic.vectors(LapicRegister.Tpr as never));
});

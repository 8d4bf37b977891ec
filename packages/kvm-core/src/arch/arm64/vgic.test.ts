import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { arm64Guest, entry, onArm64 } from '../../../test/arm64.js';
import { kvmError } from '../../../test/errors.js';
import { exitOf } from '../../../test/run.js';
import * as abi from '../../abi/arm64/index.js';
import { ArmIrqType, DeviceType, ExitReason, VcpuFeature } from '../../abi/arm64/index.js';
import type { Device } from '../../vm/device.js';
import { irqNumber } from './irq-number.js';
import { Kvm } from './kvm.js';
import type { Vm } from './vm.js';

const DISTRIBUTOR = 0x0800_0000n;
const REDISTRIBUTORS = 0x080a_0000n;
const GICD_CTLR = 0n;
const GICD_TYPER = 4n;
const GICD_ISPENDR1 = 0x204n;
/** Configures lines 32 to 47 as level- or edge-triggered. */
const GICD_ICFGR2 = 0xc08n;

const at = {
  distributor: { group: abi.KVM_DEV_ARM_VGIC_GRP_ADDR, attr: abi.KVM_VGIC_V3_ADDR_TYPE_DIST },
  redistributors: { group: abi.KVM_DEV_ARM_VGIC_GRP_ADDR, attr: abi.KVM_VGIC_V3_ADDR_TYPE_REDIST },
  lines: { group: abi.KVM_DEV_ARM_VGIC_GRP_NR_IRQS, attr: 0 },
  init: { group: abi.KVM_DEV_ARM_VGIC_GRP_CTRL, attr: abi.KVM_DEV_ARM_VGIC_CTRL_INIT },
  registers: (offset: bigint) => ({ group: abi.KVM_DEV_ARM_VGIC_GRP_DIST_REGS, attr: offset }),
};

/** Whether the host can create a GICv3. This depends on the GIC of the host. */
function canMake(vm: Vm): boolean {
  try {
    vm.createDevice(DeviceType.ArmVgicV3, { test: true });
    return true;
  } catch {
    return false;
  }
}

/** A register of the distributor, of 32 bits. */
function register(gic: Device, offset: bigint): number {
  return gic.getDeviceAttr(at.registers(offset), new Uint32Array(1))[0] as number;
}

onArm64('a GICv3 in the kernel', (backend) => {
  test('is placed, sized and initialised by its attributes', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    if (!canMake(vm)) return context.skip('the host makes no GICv3');
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2] });
    using gic = vm.createDevice(DeviceType.ArmVgicV3);
    for (const attribute of [at.distributor, at.redistributors, at.lines, at.init, at.registers(GICD_CTLR)]) {
      expect(gic.hasDeviceAttr(attribute)).toBe(true);
    }
    expect(gic.hasDeviceAttr({ group: 99, attr: 0 })).toBe(false);
    gic.setDeviceAttr(at.distributor, DISTRIBUTOR);
    expect(gic.getDeviceAttr(at.distributor)).toBe(DISTRIBUTOR);
    const twice = kvmError('ERR_KVM_SYSCALL', () => gic.setDeviceAttr(at.distributor, DISTRIBUTOR));
    expect(twice.errno).toBe(constants.errno.EEXIST);
    kvmError('ERR_KVM_SYSCALL', () => gic.setDeviceAttr(at.redistributors, 0x1234n));
    gic.setDeviceAttr(at.redistributors, REDISTRIBUTORS);
    gic.setDeviceAttr(at.lines, 96);
    expect(gic.getDeviceAttr(at.lines, new Uint32Array(1))[0]).toBe(96);
    gic.setDeviceAttr(at.init);
    // GICD_TYPER has the number of lines divided by 32, minus 1.
    expect(register(gic, GICD_TYPER) & 0x1f).toBe(2);
    kvmError('ERR_KVM_SYSCALL', () => vm.createDevice(DeviceType.ArmVgicV3));
  });

  test('shows the lines that are raised in its registers', (context) => {
    using guest = arm64Guest(backend, 'spin');
    const { vm } = guest;
    if (!canMake(vm)) return context.skip('the host makes no GICv3');
    using gic = vm.createDevice(DeviceType.ArmVgicV3);
    gic.setDeviceAttr(at.distributor, DISTRIBUTOR);
    gic.setDeviceAttr(at.redistributors, REDISTRIBUTORS);
    gic.setDeviceAttr(at.init);
    // Lines are edge-triggered at first: an edge stays pending until the guest takes it.
    const edge = irqNumber({ type: ArmIrqType.Spi, number: 35 });
    for (const level of [true, false]) {
      vm.irqLine(edge, level);
      expect(register(gic, GICD_ISPENDR1)).toBe(1 << 3);
    }
    gic.setDeviceAttr(at.registers(GICD_ICFGR2), 0);
    const levels = { group: abi.KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr: 32 };
    const line = irqNumber({ type: ArmIrqType.Spi, number: 36 });
    vm.irqLine(line, true);
    expect(gic.getDeviceAttr(levels, new Uint32Array(1))[0]).toBe(1 << 4);
    vm.irqLine(line, false);
    expect(gic.getDeviceAttr(levels, new Uint32Array(1))[0]).toBe(0);
    kvmError('ERR_KVM_SYSCALL', () => vm.irqLine(irqNumber({ type: ArmIrqType.Spi, number: 3 }), true));
    using eventfd = guest.kvm.createEventFd();
    vm.irqfd({ eventfd, gsi: 4 });
  });

  test('delivers the overflow interrupt of a PMU', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    if (!canMake(vm)) return context.skip('the host makes no GICv3');
    if (kvm.checkExtension(abi.Cap.ArmPmuV3) === 0) return context.skip('the host lacks KVM_CAP_ARM_PMU_V3');
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2, VcpuFeature.PmuV3] });
    using gic = vm.createDevice(DeviceType.ArmVgicV3);
    gic.setDeviceAttr(at.distributor, DISTRIBUTOR);
    gic.setDeviceAttr(at.redistributors, REDISTRIBUTORS);
    gic.setDeviceAttr(at.init);
    const irq = { group: abi.KVM_ARM_VCPU_PMU_V3_CTRL, attr: abi.KVM_ARM_VCPU_PMU_V3_IRQ };
    expect(vcpu.hasDeviceAttr(irq)).toBe(true);
    vcpu.setDeviceAttr(irq, 23);
    expect(vcpu.getDeviceAttr(irq, new Uint32Array(1))[0]).toBe(23);
    const filter = { group: abi.KVM_ARM_VCPU_PMU_V3_CTRL, attr: abi.KVM_ARM_VCPU_PMU_V3_FILTER };
    const cycles = abi.KvmPmuEventFilter.from({ baseEvent: 0x11, nevents: 1, action: abi.PmuEventAction.Deny });
    vcpu.setDeviceAttr(filter, cycles);
    vcpu.setDeviceAttr({ group: abi.KVM_ARM_VCPU_PMU_V3_CTRL, attr: abi.KVM_ARM_VCPU_PMU_V3_INIT });
    const timer = { group: abi.KVM_ARM_VCPU_TIMER_CTRL, attr: abi.KVM_ARM_VCPU_TIMER_IRQ_VTIMER };
    expect(vcpu.getDeviceAttr(timer, new Uint32Array(1))[0]).toBe(27);
  });

  test('is present while a guest runs', (context) => {
    using guest = arm64Guest(backend, 'mmio');
    if (!canMake(guest.vm)) return context.skip('the host makes no GICv3');
    using gic = guest.vm.createDevice(DeviceType.ArmVgicV3);
    gic.setDeviceAttr(at.distributor, DISTRIBUTOR);
    gic.setDeviceAttr(at.redistributors, REDISTRIBUTORS);
    gic.setDeviceAttr(at.init);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Mmio);
    expect(guest.vcpu.getCoreReg('pc')).toBeGreaterThan(entry);
  });
});

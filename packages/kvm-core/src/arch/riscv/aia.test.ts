import { expect, test } from 'vitest';
import { kvmError } from '../../../test/errors.js';
import { onRiscv, riscvGuest } from '../../../test/riscv.js';
import { exitOf } from '../../../test/run.js';
import * as abi from '../../abi/riscv/index.js';
import { DeviceType, ExitReason } from '../../abi/riscv/index.js';
import type { Vm } from './vm.js';

const APLIC = 0x0d00_0000n;
const IMSIC = 0x2800_0000n;

const config = (attr: number) => ({ group: abi.KVM_DEV_RISCV_AIA_GRP_CONFIG, attr });
const address = (attr: number) => ({ group: abi.KVM_DEV_RISCV_AIA_GRP_ADDR, attr });
const init = { group: abi.KVM_DEV_RISCV_AIA_GRP_CTRL, attr: abi.KVM_DEV_RISCV_AIA_CTRL_INIT };

function canMake(vm: Vm): boolean {
  try {
    vm.createDevice(DeviceType.RiscvAia, { test: true });
    return true;
  } catch {
    return false;
  }
}

onRiscv('the AIA in the kernel', (backend) => {
  test('is configured, placed and initialised by its attributes', (context) => {
    using guest = riscvGuest(backend, 'mmio');
    const { vm, vcpu } = guest;
    if (!canMake(vm)) return context.skip('the host has no AIA');
    using aia = vm.createDevice(DeviceType.RiscvAia);
    expect(aia.hasDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_SRCS))).toBe(true);
    expect(aia.hasDeviceAttr({ group: 99, attr: 0 })).toBe(false);
    aia.setDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_MODE), abi.KVM_DEV_RISCV_AIA_MODE_EMUL);
    aia.setDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_IDS), abi.KVM_DEV_RISCV_AIA_IDS_MIN);
    aia.setDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_SRCS), 32);
    expect(aia.getDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_SRCS), new Uint32Array(1))[0]).toBe(32);
    aia.setDeviceAttr(address(abi.KVM_DEV_RISCV_AIA_ADDR_APLIC), APLIC);
    aia.setDeviceAttr(address(abi.KVM_DEV_RISCV_AIA_ADDR_IMSIC(0)), IMSIC);
    expect(aia.getDeviceAttr(address(abi.KVM_DEV_RISCV_AIA_ADDR_APLIC))).toBe(APLIC);
    aia.setDeviceAttr(init);
    // Its configuration is fixed after initialisation.
    kvmError('ERR_KVM_SYSCALL', () => aia.setDeviceAttr(config(abi.KVM_DEV_RISCV_AIA_CONFIG_SRCS), 64));
    const domaincfg = aia.getDeviceAttr({ group: abi.KVM_DEV_RISCV_AIA_GRP_APLIC, attr: 0 }, new Uint32Array(1));
    expect((domaincfg[0] as number) >>> 24).toBe(0x80);
    vm.irqLine(5, true);
    vm.irqLine(5, false);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Mmio);
  });

  test('cannot be created on a host without one', (context) => {
    using guest = riscvGuest(backend, 'off');
    if (canMake(guest.vm)) return context.skip('the host has an AIA');
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.createDevice(DeviceType.RiscvAia)).ioctl).toBe(
      'KVM_CREATE_DEVICE',
    );
  });
});

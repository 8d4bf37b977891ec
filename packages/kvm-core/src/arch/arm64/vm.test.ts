import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { arm64Guest, onArm64 } from '../../../test/arm64.js';
import { kvmError } from '../../../test/errors.js';
import * as abi from '../../abi/arm64/index.js';
import { Cap, ExitReason, VcpuFeature } from '../../abi/arm64/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { pageSize } from '../../memory/page-size.js';
import { TimerReg } from './firmware-regs.js';
import { Kvm } from './kvm.js';
import { machineType } from './machine-type.js';

onArm64('a VM of arm64', (backend) => {
  test('has the address size of its machine type', (context) => {
    using kvm = Kvm.open({ backend });
    const most = kvm.checkExtension(Cap.ArmVmIpaSize);
    if (most <= 32) context.skip('the host supports no other size: KVM_CAP_ARM_VM_IPA_SIZE');
    using vm = kvm.createVm(machineType({ ipaSize: 32 }));
    using memory = kvm.allocateMemory({ size: pageSize });
    const beyond = () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 1n << 32n, memory });
    expect(kvmError('ERR_KVM_SYSCALL', beyond).ioctl).toBe('KVM_SET_USER_MEMORY_REGION');
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: (1n << 32n) - BigInt(pageSize), memory });
    if (most < 52) kvmError('ERR_KVM_SYSCALL', () => kvm.createVm(machineType({ ipaSize: most + 1 })));
  });

  test('has counters that an offset sets back', (context) => {
    using guest = arm64Guest(backend, 'off');
    const { kvm, vm, vcpu } = guest;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setCounterOffset(-1n));
    if (kvm.checkExtension(Cap.CounterOffset) === 0) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.setCounterOffset(1n)).message).toMatch(/COUNTER_OFFSET/);
      return context.skip('the host lacks KVM_CAP_COUNTER_OFFSET');
    }
    const count = vcpu.getOneReg(TimerReg.CNTPCT_EL0) as bigint;
    vm.setCounterOffset(count);
    expect(vcpu.getOneReg(TimerReg.CNTPCT_EL0)).toBeLessThan(count);
  });

  test('reports the writable bits of the feature registers', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    if (kvm.checkExtension(Cap.ArmSupportedRegMaskRanges) === 0) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.getRegWritableMasks()).message).toMatch(/REG_MASK_RANGES/);
      return context.skip('the host lacks KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES');
    }
    const masks = vm.getRegWritableMasks();
    expect(masks).toHaveLength(abi.KVM_ARM_FEATURE_ID_RANGE_SIZE);
    // ID_AA64DFR0_EL1: the version of the debug architecture can be lowered.
    expect(masks[Number(abi.KVM_ARM_FEATURE_ID_RANGE_IDX(3, 0, 0, 5, 0))]).not.toBe(0n);
  });

  test('cannot place a GICv2 before it is created', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const place = (addr: bigint) => () =>
      vm.setDeviceAddr(abi.KVM_ARM_DEVICE_VGIC_V2, abi.KVM_VGIC_V2_ADDR_TYPE_DIST, addr);
    expect(kvmError('ERR_KVM_SYSCALL', place(0x800_0000n))).toMatchObject({
      ioctl: 'KVM_ARM_SET_DEVICE_ADDR',
      errno: constants.errno.ENODEV,
    });
    kvmError('ERR_KVM_OUT_OF_RANGE', place(-1n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setDeviceAddr(0x10000, 0, 0n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setDeviceAddr(0, -1, 0n));
  });

  test('copies tags of whole pages only', (context) => {
    using guest = arm64Guest(backend, 'off');
    const { kvm, vm } = guest;
    const page = BigInt(pageSize);
    const wrong = (value: unknown): never => value as never;
    for (const use of [
      () => vm.copyMteTagsFromGuest(page / 2n, pageSize),
      () => vm.copyMteTagsFromGuest(0n, pageSize / 2),
      () => vm.copyMteTagsFromGuest(0n, 0),
      () => vm.copyMteTagsFromGuest(0n, 2 ** 31),
      () => vm.copyMteTagsFromGuest(-page, pageSize),
      () => vm.copyMteTagsToGuest(0n, new Uint8Array(pageSize / 16 - 1)),
      () => vm.copyMteTagsToGuest(0n, new Uint8Array(0)),
      () => vm.copyMteTagsToGuest(1n << 64n, new Uint8Array(pageSize / 16)),
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', use);
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.copyMteTagsToGuest(0n, wrong([0])));
    if (kvm.checkExtension(Cap.ArmMte) !== 0) context.skip('the host has KVM_CAP_ARM_MTE');
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.copyMteTagsFromGuest(0n, pageSize));
    expect(error.message).toMatch(/KVM_CAP_ARM_MTE/);
  });

  test('keeps the tags of its memory', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.ArmMte) === 0) context.skip('the host lacks KVM_CAP_ARM_MTE');
    using vm = kvm.createVm();
    vm.enableCap(Cap.ArmMte);
    using memory = kvm.allocateMemory({ size: 2 * pageSize });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
    using _vcpu = vm.createVcpu(0);
    const tags = new Uint8Array((2 * pageSize) / 16).map((_, i) => i % 16);
    expect(vm.copyMteTagsToGuest(0n, tags)).toBe(2 * pageSize);
    expect(vm.copyMteTagsFromGuest(0n, 2 * pageSize)).toEqual(tags);
    // There is no memory after the two pages.
    expect(vm.copyMteTagsFromGuest(BigInt(pageSize), 2 * pageSize)).toHaveLength(pageSize / 16);
  });

  test('reports the preferred target while it is open', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const { target } = vm.preferredTarget();
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target, features: [VcpuFeature.Psci0_2] });
    vm.close();
    for (const use of [
      () => vm.preferredTarget(),
      () => vm.setCounterOffset(0n),
      () => vm.getRegWritableMasks(),
      () => vm.copyMteTagsFromGuest(0n, pageSize),
      () => vm.setDeviceAddr(0, 0, 0n),
    ]) {
      expect(use).toThrow(KvmError);
      kvmError('ERR_KVM_CLOSED', use);
    }
    vcpu.kick();
    expect(vcpu.run().reason).toBe(ExitReason.Intr);
  });
});

import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import * as arm64 from '../abi/arm64/index.js';
import {
  KVM_CREATE_IRQCHIP,
  KVM_CREATE_VM,
  KVM_IRQFD,
  KVM_RUN,
  KVM_SET_CLOCK,
  KVM_SET_DEVICE_ATTR,
  KVM_SET_SREGS,
  KVM_SIGNAL_MSI,
  KVM_XEN_HVM_GET_ATTR,
} from '../abi/x86/index.js';
import type { Ioctl } from '../ioctl/ioctl.js';
import { ioctlError } from './ioctl-error.js';

const { E2BIG, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS, ENOTTY, EPERM } =
  constants.errno;

const guarded: Ioctl<'vm'> = {
  name: 'KVM_EXAMPLE',
  request: 0,
  fd: ['vm'],
  argument: { kind: 'none' },
  direction: 'none',
  capability: { number: 1, name: 'KVM_CAP_EXAMPLE', since: 'Linux 6.12 or earlier' },
  capabilityOn: { vcpu: { number: 2, name: 'KVM_CAP_VCPU_EXAMPLE' } },
};

describe('the error for an ioctl that was refused', () => {
  test('names the capability that is missing, and the kernel that brought it', () => {
    const error = ioctlError(guarded, 'vm', EINVAL, () => 0);
    expect(error).toMatchObject({ code: 'ERR_KVM_UNSUPPORTED', errno: EINVAL, ioctl: 'KVM_EXAMPLE' });
    expect(error.message).toBe(
      "KVM_EXAMPLE: this host's KVM lacks KVM_CAP_EXAMPLE (it came with Linux 6.12 or earlier)",
    );
  });

  test('says whose a capability of another architecture is, and not which kernel brought it', () => {
    const capability = { number: 1, name: 'KVM_CAP_ARM_EXAMPLE', since: 'Linux 5.10 or earlier' };
    const hint = (arch: string) => ioctlError({ ...guarded, capability }, 'vm', EINVAL, () => 0, arch).hint;
    expect(hint('x86')).toBe('it is a capability of arm64');
    expect(hint('arm64')).toBe('it came with Linux 5.10 or earlier');
  });

  test('asks for the capability of the kind of descriptor that refused', () => {
    const error = ioctlError(guarded, 'vcpu', EINVAL, (capability) => (capability === 2 ? 0 : 1));
    expect(error.message).toBe("KVM_EXAMPLE: this host's KVM lacks KVM_CAP_VCPU_EXAMPLE");
    expect(error.hint).toBeUndefined();
  });

  test('is the kernel s own where the capability is there, or the number means something else', () => {
    expect(ioctlError(guarded, 'vm', EINVAL, () => 1)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EINVAL });
    expect(ioctlError(guarded, 'vm', EEXIST, () => 0)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EEXIST });
  });

  test('says that a call without a capability is missing where the descriptor does not know it', () => {
    expect(ioctlError(guarded, 'vm', ENOTTY, () => 1).message).toBe("KVM_EXAMPLE: this host's KVM does not have it");
    const { capability: _, capabilityOn: __, ...bare } = guarded;
    const error = ioctlError(bare, 'vm', ENOTTY, () => 1);
    expect(error).toMatchObject({ code: 'ERR_KVM_UNSUPPORTED', errno: ENOTTY, ioctl: 'KVM_EXAMPLE' });
    expect(error.message).toBe("KVM_EXAMPLE: this host's KVM does not have it");
    expect(ioctlError(bare, 'vm', EINVAL, () => 1)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EINVAL });
  });

  test('says what to do where that is known', () => {
    const error = ioctlError(KVM_CREATE_IRQCHIP, 'vm', EEXIST, () => 1);
    expect(error.message).toBe('KVM_CREATE_IRQCHIP: EEXIST (the VM has an interrupt controller already)');
  });

  test.each([
    [KVM_CREATE_VM, 'system', EBUSY, /another hypervisor/],
    [KVM_CREATE_VM, 'system', EINVAL, /0 is the usual one/],
    [KVM_CREATE_VM, 'system', EMFILE, /ulimit -n/],
    [KVM_RUN, 'vcpu', EIO, /dmesg/],
    [KVM_SET_SREGS, 'vcpu', EINVAL, /call setCpuid2 first/],
    [KVM_XEN_HVM_GET_ATTR, 'vm', ENOTTY, /XenHvmConfigFlag.SharedInfo/],
    [KVM_RUN, 'vcpu', ENOSYS, /Cap.ArmNisvToUser/],
    [KVM_SIGNAL_MSI, 'vm', EPERM, /no vCPU takes the message/],
    [KVM_SET_CLOCK, 'vm', EINVAL, /Cap.AdjustClock/],
    [KVM_IRQFD, 'vm', EINVAL, /resample.*createSplitIrqChip/],
    [KVM_SET_DEVICE_ATTR, 'device', EINVAL, /GIC/],
    [KVM_SET_DEVICE_ATTR, 'device', E2BIG, /address must lie among the guest-physical addresses/],
    [KVM_SET_DEVICE_ATTR, 'device', EEXIST, /set already, and can be set once only/],
    [arm64.KVM_ARM_VCPU_INIT, 'vcpu', EINVAL, /vm.preferredTarget/],
    [arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', EINVAL, /multiple of the page size/],
    [arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', E2BIG, /leaves the guest-physical addresses/],
    [arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', EEXIST, /set already/],
  ] as const)('says what to do: $0.name of $1, errno $2', (ioctl: Ioctl, kind, errno, hint) => {
    expect(ioctlError(ioctl, kind, errno, () => 1).hint).toMatch(hint);
  });

  test.each([
    [EFAULT, /memory .* is not there/],
    [EBUSY, /before the first vCPU/],
    [ENODEV, /no such device/],
    [EINTR, /each of 11 times/],
    [E2BIG, /more entries/],
    [ENOMEM, /out of memory/],
    [EMFILE, /ulimit -n/],
    [ENFILE, /file-max/],
  ])('says what errno %s means where the call has no word of its own for it', (errno, hint) => {
    const error = ioctlError(guarded, 'vm', errno, () => 1);
    expect(error).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno });
    expect(error.hint).toMatch(hint);
  });

  test('has no hint for EINVAL, which means too many things, but where the call tells which', () => {
    expect(ioctlError(guarded, 'vm', EINVAL, () => 1).hint).toBeUndefined();
  });
});

import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import * as arm64 from '../abi/arm64/index.js';
import type { Ioctl } from '../abi/ioctl.js';
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
import type { Architecture } from '../arch/architecture.js';
import { arm64 as arm } from '../arch/arm64/architecture.js';
import { x86 } from '../arch/x86/architecture.js';
import { ioctlError } from './ioctl-error.js';

const { E2BIG, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS, ENOTTY, EPERM } =
  constants.errno;

const guarded: Ioctl<'vm'> = {
  name: 'KVM_EXAMPLE',
  request: 0,
  fd: ['vm'],
  argument: { kind: 'none' },
  direction: 'none',
  capability: { number: 9998, name: 'KVM_CAP_EXAMPLE', since: 'Linux 6.12 or earlier' },
  capabilityOn: { vcpu: { number: 9999, name: 'KVM_CAP_VCPU_EXAMPLE' } },
};

describe('the error for a refused ioctl', () => {
  test('names the missing capability, and the kernel that introduced it', () => {
    const error = ioctlError(guarded, 'vm', EINVAL, () => 0, x86);
    expect(error).toMatchObject({ code: 'ERR_KVM_UNSUPPORTED', errno: EINVAL, ioctl: 'KVM_EXAMPLE' });
    expect(error.message).toBe(
      "KVM_EXAMPLE: this host's KVM lacks KVM_CAP_EXAMPLE (it came with Linux 6.12 or earlier)",
    );
  });

  test('names the architecture of a capability of another one, not its kernel', () => {
    const capability = { number: x86.abi.Cap.ArmSve, name: 'KVM_CAP_ARM_SVE', since: 'Linux 5.10 or earlier' };
    const hint = (arch: Architecture) => ioctlError({ ...guarded, capability }, 'vm', EINVAL, () => 0, arch).hint;
    expect(hint(x86)).toBe('it is a capability of arm64');
    expect(hint(arm)).toBe('it came with Linux 5.10 or earlier');
  });

  test('checks the capability for the kind of the descriptor', () => {
    const error = ioctlError(guarded, 'vcpu', EINVAL, (capability) => (capability === 9999 ? 0 : 1), x86);
    expect(error.message).toBe("KVM_EXAMPLE: this host's KVM lacks KVM_CAP_VCPU_EXAMPLE");
    expect(error.hint).toBeUndefined();
  });

  test('has the errno of the kernel if the host has the capability, or the errno has another meaning', () => {
    expect(ioctlError(guarded, 'vm', EINVAL, () => 1, x86)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EINVAL });
    expect(ioctlError(guarded, 'vm', EEXIST, () => 0, x86)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EEXIST });
  });

  test('reports a missing call without a capability if the descriptor does not know it', () => {
    expect(ioctlError(guarded, 'vm', ENOTTY, () => 1, x86).message).toBe(
      "KVM_EXAMPLE: this host's KVM does not have it",
    );
    const { capability: _, capabilityOn: __, ...bare } = guarded;
    const error = ioctlError(bare, 'vm', ENOTTY, () => 1, x86);
    expect(error).toMatchObject({ code: 'ERR_KVM_UNSUPPORTED', errno: ENOTTY, ioctl: 'KVM_EXAMPLE' });
    expect(error.message).toBe("KVM_EXAMPLE: this host's KVM does not have it");
    expect(ioctlError(bare, 'vm', EINVAL, () => 1, x86)).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno: EINVAL });
  });

  test('has a hint for a known cause', () => {
    const error = ioctlError(KVM_CREATE_IRQCHIP, 'vm', EEXIST, () => 1, x86);
    expect(error.message).toBe('KVM_CREATE_IRQCHIP: EEXIST (the VM has an interrupt controller already)');
  });

  test.each([
    [x86, KVM_CREATE_VM, 'system', EBUSY, /another hypervisor/],
    [x86, KVM_CREATE_VM, 'system', EINVAL, /0 is the usual one/],
    [x86, KVM_CREATE_VM, 'system', EMFILE, /ulimit -n/],
    [x86, KVM_RUN, 'vcpu', EIO, /dmesg/],
    [x86, KVM_SET_SREGS, 'vcpu', EINVAL, /call setCpuid2 first/],
    [x86, KVM_XEN_HVM_GET_ATTR, 'vm', ENOTTY, /XenHvmConfigFlag.SharedInfo/],
    [x86, KVM_SIGNAL_MSI, 'vm', EPERM, /no vCPU takes the message/],
    [x86, KVM_SET_CLOCK, 'vm', EINVAL, /Cap.AdjustClock/],
    [x86, KVM_IRQFD, 'vm', EINVAL, /resample.*createSplitIrqChip/],
    [x86, KVM_SET_DEVICE_ATTR, 'device', EINVAL, /does not take this value/],
    [x86, KVM_SET_DEVICE_ATTR, 'device', EEXIST, /already set, and can only be set once/],
    [arm, arm64.KVM_SET_DEVICE_ATTR, 'device', EINVAL, /GIC/],
    [arm, arm64.KVM_SET_DEVICE_ATTR, 'device', E2BIG, /address must be among the guest-physical addresses/],
    [arm, arm64.KVM_RUN, 'vcpu', ENOSYS, /Cap.ArmNisvToUser/],
    [arm, arm64.KVM_RUN, 'vcpu', EIO, /dmesg/],
    [arm, arm64.KVM_ARM_VCPU_INIT, 'vcpu', EINVAL, /vm.preferredTarget/],
    [arm, arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', EINVAL, /multiple of the controller page size/],
    [arm, arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', E2BIG, /beyond the guest-physical addresses/],
    [arm, arm64.KVM_ARM_SET_DEVICE_ADDR, 'vm', EEXIST, /set already/],
  ] as const)(
    'has a hint on $0.name: $1.name of $2, errno $3',
    (arch: Architecture, ioctl: Ioctl, kind, errno, hint) => {
      expect(ioctlError(ioctl, kind, errno, () => 1, arch).hint).toMatch(hint);
    },
  );

  test.each([
    [EFAULT, /memory .* is not there/],
    [EBUSY, /before the first vCPU/],
    [ENODEV, /no such device/],
    [EINTR, /each of 11 times/],
    [E2BIG, /more entries/],
    [ENOMEM, /out of memory/],
    [EMFILE, /ulimit -n/],
    [ENFILE, /file-max/],
  ])('has a general hint for errno %s if the call has none', (errno, hint) => {
    const error = ioctlError(guarded, 'vm', errno, () => 1, x86);
    expect(error).toMatchObject({ code: 'ERR_KVM_SYSCALL', errno });
    expect(error.hint).toMatch(hint);
  });

  test('has no general hint for EINVAL, which has too many meanings', () => {
    expect(ioctlError(guarded, 'vm', EINVAL, () => 1, x86).hint).toBeUndefined();
  });
});

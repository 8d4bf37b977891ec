import { constants } from 'node:os';
import type { IoctlHints } from '../architecture.js';

const { E2BIG, EEXIST, EINVAL, ENOENT, ENOEXEC, ENOSYS, EPERM } = constants.errno;

const uninitialised = 'the vCPU must be initialised first: vcpu.init()';
const unfinalised = 'SVE must be finalised first: vcpu.finalize(VcpuFeature.Sve)';
const notReady = { [ENOEXEC]: uninitialised, [EPERM]: unfinalised };

/** Hints for errors that only arm64 has. */
export const hints: IoctlHints = {
  KVM_GET_ONE_REG: notReady,
  KVM_SET_ONE_REG: notReady,
  KVM_GET_REG_LIST: notReady,
  KVM_RUN: {
    ...notReady,
    [ENOSYS]:
      'the guest accessed an address without memory, with an instruction that the syndrome does not describe: ' +
      'vm.enableCap(Cap.ArmNisvToUser) turns such an access into an exit',
  },
  KVM_ARM_VCPU_INIT: {
    [EINVAL]:
      'target must be that of vm.preferredTarget(), each feature needs its capability, and a vCPU that was ' +
      'initialised before takes only the same features',
    [ENOENT]: 'this host has no such target or feature',
  },
  KVM_ARM_SET_DEVICE_ADDR: {
    [EINVAL]: 'the address must be a multiple of the controller page size: 4 KiB for a GICv2, 64 KiB for a GICv3',
    [E2BIG]: 'the address is beyond the guest-physical addresses of this VM',
    [EEXIST]: 'the address is set already, and can be set only once',
  },
  KVM_SET_DEVICE_ATTR: {
    [EINVAL]:
      'the attribute does not take this value: a GIC address must be a multiple of 4 KiB (GICv2) or 64 KiB (GICv3)',
    [E2BIG]: 'the value is too large: an address must be among the guest-physical addresses of this VM',
  },
};

import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';
import { interruptHints } from './interrupt-hints.js';
import { memoryHints } from './memory-hints.js';
import { retries } from './retry.js';

const { E2BIG, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENODEV, ENOENT, ENOMEM } = constants.errno;

const noSuchRegister = 'this vCPU has no such register: getRegList lists its registers';

/** The meaning of a refusal by one ioctl, if the errno alone does not tell it. */
const hints: IoctlHints = {
  ...interruptHints,
  ...memoryHints,
  KVM_ENABLE_CAP: {
    [EEXIST]: 'it is too late: the VM already has vCPUs, or the object that the capability affects',
    [EINVAL]: 'it is already enabled, takes other arguments, or must be enabled before the first vCPU is created',
  },
  KVM_CREATE_VM: {
    [EINVAL]: 'this host has no machines of this type; 0 is the usual one',
    [EBUSY]: 'another hypervisor on this host, such as VirtualBox, uses the hardware: end its guests first',
  },
  KVM_CREATE_VCPU: {
    [EEXIST]: 'the VM has a vCPU with this id already',
    [EINVAL]: 'the id is not below the value of Cap.MaxVcpuId, or the VM has the maximum number of vCPUs',
  },
  KVM_GET_ONE_REG: {
    [ENOENT]: noSuchRegister,
    [EINVAL]: noSuchRegister,
  },
  KVM_SET_ONE_REG: {
    [ENOENT]: noSuchRegister,
    [EINVAL]: `the register does not take this value, or ${noSuchRegister}`,
    [EBUSY]: 'this register can only be set before the vCPU has run',
  },
  KVM_RUN: {
    [EFAULT]: 'the guest used memory whose backing is not there',
    [EIO]: 'the kernel has given up this VM after an internal error, which its log shows: `dmesg`',
  },
};

/** The meaning of an errno for every ioctl. */
const general: Readonly<Record<number, string>> = {
  [E2BIG]: 'the list has more entries than the kernel takes, or than there is room for',
  [EFAULT]: 'memory that the call or the guest uses is not there, or is read-only: check the slots and their backing',
  [EBUSY]: 'it is in use, or it is too late: most settings come before the first vCPU is created, or before it has run',
  [ENODEV]: 'this host has no such device: its kernel was built without it, or its processor lacks the feature',
  [EINTR]: `signals interrupted it each of ${retries + 1} times: find their source, or try again`,
  [ENOMEM]: 'the kernel is out of memory',
  [EMFILE]: 'the process has too many open files: raise `ulimit -n`',
  [ENFILE]: 'the host has too many open files: raise `fs.file-max`',
};

/** @param archHints the hints of the architecture, which override the common ones. */
export function hintFor(call: string, errno: number, archHints: IoctlHints = {}): string | undefined {
  return archHints[call]?.[errno] ?? hints[call]?.[errno] ?? general[errno];
}

/** The method that creates the owner of an ioctl's new descriptor. */
const owners: Readonly<Record<string, string>> = {
  KVM_CREATE_VM: 'kvm.createVm()',
  KVM_CREATE_VCPU: 'vm.createVcpu()',
  KVM_CREATE_DEVICE: 'vm.createDevice()',
  KVM_CREATE_GUEST_MEMFD: 'vm.createGuestMemfd()',
  KVM_GET_STATS_FD: 'stats()',
};

/** The method to use instead of a raw call that creates a descriptor, if there is one. */
export function ownerOf(ioctl: string): string | undefined {
  return owners[ioctl];
}

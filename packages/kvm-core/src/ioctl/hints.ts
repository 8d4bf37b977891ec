import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';
import { interruptHints } from './interrupt-hints.js';
import { memoryHints } from './memory-hints.js';
import { retries } from './retry.js';

const { E2BIG, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENODEV, ENOENT, ENOMEM } = constants.errno;

const noSuchRegister = 'this vCPU has no such register: getRegList tells which there are';

/** What a refusal of one ioctl means, where the number alone does not say. */
const hints: IoctlHints = {
  ...interruptHints,
  ...memoryHints,
  KVM_ENABLE_CAP: {
    [EEXIST]: 'it is too late: the VM has what the capability is about already, or vCPUs',
    [EINVAL]: 'it is on already, or takes other arguments, or has to be turned on before the first vCPU is created',
  },
  KVM_CREATE_VM: {
    [EINVAL]: 'this host has no machines of this type; 0 is the usual one',
    [EBUSY]: 'another hypervisor of this host, as VirtualBox, has the hardware: end its guests first',
  },
  KVM_CREATE_VCPU: {
    [EEXIST]: 'the VM has a vCPU with this id already',
    [EINVAL]: 'the id is not below what Cap.MaxVcpuId gives, or the VM has as many vCPUs as it may',
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
    [EIO]: 'the kernel has given this VM up after a fault of its own, which its log tells: `dmesg`',
  },
};

/** What a number means whatever the ioctl. */
const general: Readonly<Record<number, string>> = {
  [E2BIG]: 'the list has more entries than the kernel takes, or than there is room for',
  [EFAULT]:
    'memory that the call or the guest uses is not there, or may not be written: look at the slots, and at what backs them',
  [EBUSY]: 'it is in use, or it is too late: most settings come before the first vCPU is created, or before it has run',
  [ENODEV]: 'this host has no such device: its kernel was built without, or its processor lacks what it takes',
  [EINTR]: `signals cut it short each of ${retries + 1} times that it was made: find what sends this process so many, or try again`,
  [ENOMEM]: 'the kernel is out of memory for it',
  [EMFILE]: 'the process has as many files open as it may: raise `ulimit -n`',
  [ENFILE]: 'the host has as many files open as it may: raise `fs.file-max`',
};

/** @param own the hints of the architecture, which come before those of all. */
export function hintFor(call: string, errno: number, own: IoctlHints = {}): string | undefined {
  return own[call]?.[errno] ?? hints[call]?.[errno] ?? general[errno];
}

/** The methods whose objects own the descriptor that a call makes. */
const owners: Readonly<Record<string, string>> = {
  KVM_CREATE_VM: 'kvm.createVm()',
  KVM_CREATE_VCPU: 'vm.createVcpu()',
  KVM_CREATE_DEVICE: 'vm.createDevice()',
  KVM_CREATE_GUEST_MEMFD: 'vm.createGuestMemfd()',
  KVM_GET_STATS_FD: 'stats()',
};

/** The method to use in the place of a raw call that makes a descriptor; undefined where there is none. */
export function ownerOf(ioctl: string): string | undefined {
  return owners[ioctl];
}

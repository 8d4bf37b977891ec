import { constants } from 'node:os';
import { retries } from '../ioctl/retry.js';
import { interruptHints } from './interrupt-hints.js';
import { memoryHints } from './memory-hints.js';
import { x86Hints } from './x86-hints.js';

const {
  E2BIG,
  EBUSY,
  EEXIST,
  EFAULT,
  EINTR,
  EINVAL,
  EIO,
  EMFILE,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ENOSYS,
  EPERM,
} = constants.errno;

const noSuchRegister = 'this vCPU has no such register: getRegList tells which there are';
/** What arm64 says to most calls before KVM_ARM_VCPU_INIT. */
const uninitialised = 'the vCPU has to be initialised first: vcpu.init()';
const unfinalised = 'SVE has to be finalised first: vcpu.finalize(VcpuFeature.Sve)';

/** Of the registers of arm64's interrupt controller. */
const addresses = {
  [EINVAL]:
    'the address must be a multiple of the page size of the controller, 4 KiB for a GICv2 and 64 KiB for a GICv3',
  [E2BIG]: 'the address leaves the guest-physical addresses that this VM has',
  [EEXIST]: 'the address is set already, and can be set once only',
};

/** What a refusal of one ioctl means, where the number alone does not say. */
const hints: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  ...interruptHints,
  ...x86Hints,
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
  KVM_SET_IDENTITY_MAP_ADDR: { [EINVAL]: 'it must be set before the first vCPU is created' },
  KVM_SET_CPUID2: { [EINVAL]: 'the table cannot change once the vCPU has run' },
  KVM_GET_ONE_REG: {
    [ENOENT]: noSuchRegister,
    [EINVAL]: noSuchRegister,
    [ENOEXEC]: uninitialised,
    [EPERM]: unfinalised,
  },
  KVM_SET_ONE_REG: {
    [ENOENT]: noSuchRegister,
    [EINVAL]: `the register does not take this value, or ${noSuchRegister}`,
    [EBUSY]: 'this register can only be set before the vCPU has run',
    [ENOEXEC]: uninitialised,
    [EPERM]: unfinalised,
  },
  KVM_GET_REG_LIST: { [ENOEXEC]: uninitialised, [EPERM]: unfinalised },
  KVM_RUN: {
    [EFAULT]: 'the guest used memory whose backing is not there',
    [EIO]: 'the kernel has given this VM up after a fault of its own, which its log tells: `dmesg`',
    [ENOEXEC]: uninitialised,
    [EPERM]: unfinalised,
    [ENOSYS]:
      'on arm64, the guest accessed an address without memory by an instruction that the processor does not describe: vm.enableCap(Cap.ArmNisvToUser) makes such an access an exit',
  },
  KVM_ARM_VCPU_INIT: {
    [EINVAL]:
      'target must be what vm.preferredTarget() gives, a feature needs its capability, and a vCPU initialised before takes the same features only',
    [ENOENT]: 'this host knows no such target or feature',
  },
  KVM_ARM_SET_DEVICE_ADDR: addresses,
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

export function hintFor(ioctl: string, errno: number): string | undefined {
  return hints[ioctl]?.[errno] ?? general[errno];
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

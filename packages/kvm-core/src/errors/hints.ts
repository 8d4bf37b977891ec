import { constants } from 'node:os';
import { x86Hints } from './x86-hints.js';

const { E2BIG, EBUSY, EEXIST, EFAULT, EINVAL, EMFILE, ENFILE, ENODEV, ENOENT, ENOEXEC, ENOMEM, ENXIO, EPERM } =
  constants.errno;

const noController = 'createIrqChip comes first';
const noTimer = 'createPit2 comes first';
const noLocalApic = 'the vCPU has no local APIC in the kernel: createIrqChip or createSplitIrqChip comes before it';
const lateTimer = { [EEXIST]: 'the VM has a timer already', [ENOENT]: noController };
const noSuchRegister = 'this vCPU has no such register: getRegList tells which there are';
/** What arm64 says to most calls before KVM_ARM_VCPU_INIT. */
const uninitialised = 'the vCPU has to be initialised first: vcpu.init()';
const unfinalised = 'SVE has to be finalised first: vcpu.finalize(VcpuFeature.Sve)';

/** What a refusal of one ioctl means, where the number alone does not say. */
const hints: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  ...x86Hints,
  KVM_SET_USER_MEMORY_REGION: {
    [EEXIST]: 'the region overlaps one that another slot holds',
    [EINVAL]:
      'a flag is unknown here, or the size of a slot in use was to change, or there is nothing in the slot to delete',
  },
  KVM_CREATE_VCPU: {
    [EEXIST]: 'the VM has a vCPU with this id already',
    [EINVAL]: 'the id is not below what Cap.MaxVcpuId gives, or the VM has as many vCPUs as it may',
  },
  KVM_CREATE_IRQCHIP: {
    [EEXIST]: 'the VM has an interrupt controller already',
    [EINVAL]: 'it must be created before the first vCPU',
  },
  KVM_CREATE_PIT: lateTimer,
  KVM_CREATE_PIT2: lateTimer,
  KVM_GET_PIT: { [ENXIO]: noTimer },
  KVM_SET_PIT: { [ENXIO]: noTimer },
  KVM_GET_PIT2: { [ENXIO]: noTimer },
  KVM_SET_PIT2: { [ENXIO]: noTimer },
  KVM_REINJECT_CONTROL: { [ENXIO]: noTimer },
  KVM_IRQ_LINE: { [ENXIO]: noController },
  KVM_IRQ_LINE_STATUS: { [ENXIO]: noController },
  KVM_GET_IRQCHIP: { [ENXIO]: `${noController}; of a split one there is nothing in the kernel to get` },
  KVM_SET_IRQCHIP: { [ENXIO]: `${noController}; of a split one there is nothing in the kernel to set` },
  KVM_SET_GSI_ROUTING: {
    [EINVAL]:
      'createIrqChip or createSplitIrqChip comes first; then, a route leads to a pin that is not there or a GSI to two places at once, or this host has no routes of its kind',
  },
  KVM_ENABLE_CAP: { [EEXIST]: 'it is too late: the VM has what the capability is about already, or vCPUs' },
  KVM_SIGNAL_MSI: {
    [EINVAL]: 'createIrqChip or createSplitIrqChip comes first; then, the message is none this host understands',
  },
  KVM_GET_LAPIC: { [EINVAL]: noLocalApic },
  KVM_SET_LAPIC: { [EINVAL]: noLocalApic },
  KVM_SET_VAPIC_ADDR: { [EINVAL]: `the guest has no memory at the address, or ${noLocalApic}` },
  KVM_INTERRUPT: {
    [ENXIO]:
      'the kernel has the interrupt controller, which queues interrupts by itself: irqLine, irqfd or signalMsi make one',
    [EEXIST]: 'an interrupt is queued already: run the vCPU until it takes it',
    [EINVAL]: 'the vector must be below 256',
  },
  KVM_SET_MP_STATE: {
    [EINVAL]: 'this vCPU cannot be in that state; on x86 every one but Runnable needs a local APIC in the kernel',
  },
  KVM_SET_BOOT_CPU_ID: { [EBUSY]: 'it must be set before the first vCPU is created' },
  KVM_SET_IDENTITY_MAP_ADDR: { [EINVAL]: 'it must be set before the first vCPU is created' },
  KVM_IRQFD: {
    [EINVAL]: 'createIrqChip comes first, and the GSI must be one of its pins or routed',
    [EBUSY]: 'the eventfd is assigned already',
  },
  KVM_CREATE_DEVICE: {
    [ENODEV]: 'this host has no device of this type',
    [EEXIST]: 'the VM has a device of this type already, or another one in its place',
    [EBUSY]: 'the VM has a device of this type already, or it is too late for one: vCPUs are there',
  },
  KVM_GET_DEVICE_ATTR: {
    [ENXIO]: 'there is no such attribute here: hasDeviceAttr tells',
    [EFAULT]: 'the attribute is longer than any known one',
  },
  KVM_SET_DEVICE_ATTR: {
    [ENXIO]: 'there is no such attribute here: hasDeviceAttr tells',
    [EBUSY]: 'it is too late for this attribute: it must be set before the VM runs, or before it is used',
    [EEXIST]: 'the attribute was set already, and can be set once only',
  },
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
    [ENOEXEC]: uninitialised,
    [EPERM]: unfinalised,
  },
};

/** What a number means whatever the ioctl. */
const general: Readonly<Record<number, string>> = {
  [E2BIG]: 'the list has more entries than the kernel takes, or than there is room for',
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

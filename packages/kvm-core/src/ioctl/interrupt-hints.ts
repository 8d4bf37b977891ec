import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';

const { EBUSY, EEXIST, EFAULT, EINVAL, ENODEV, ENXIO, EPERM } = constants.errno;

const noController = 'createIrqChip comes first';

/** The meaning of refusals by the ioctls about interrupts, timers and devices. */
export const interruptHints: IoctlHints = {
  KVM_CREATE_IRQCHIP: {
    [EEXIST]: 'the VM has an interrupt controller already',
    [EINVAL]: 'it must be created before the first vCPU',
  },
  KVM_IRQ_LINE: { [ENXIO]: noController },
  KVM_IRQ_LINE_STATUS: { [ENXIO]: noController },
  KVM_GET_IRQCHIP: { [ENXIO]: `${noController}; a split one has no state in the kernel to get` },
  KVM_SET_IRQCHIP: { [ENXIO]: `${noController}; a split one has no state in the kernel to set` },
  KVM_SET_GSI_ROUTING: {
    [EINVAL]:
      'createIrqChip or createSplitIrqChip comes first; else a route leads to a missing pin, ' +
      'a GSI has two incompatible routes, or this host has no routes of its kind',
  },
  KVM_SIGNAL_MSI: {
    [EINVAL]: 'createIrqChip or createSplitIrqChip comes first; else this host does not understand the message',
    [EPERM]: 'no vCPU takes the message: there is none yet, or none with the APIC id in its address',
  },
  KVM_INTERRUPT: {
    [ENXIO]: 'the interrupt controller is in the kernel and queues interrupts itself: use irqLine, irqfd or signalMsi',
    [EEXIST]: 'an interrupt is already queued: run the vCPU until it takes it',
    [EINVAL]: 'the vector must be below 256',
  },
  KVM_SET_MP_STATE: {
    [EINVAL]: 'this vCPU cannot have that state; on x86 every state but Runnable needs a local APIC in the kernel',
  },
  KVM_IRQFD: {
    [EINVAL]:
      'createIrqChip comes first, and the GSI must be one of its pins or have a route; ' +
      'a resample eventfd does not work with createSplitIrqChip',
    [EBUSY]: 'the eventfd is assigned already',
  },
  KVM_CREATE_DEVICE: {
    [ENODEV]: 'this host has no device of this type',
    [EEXIST]: 'the VM already has a device of this type, or another one instead',
    [EBUSY]: 'the VM already has a device of this type, or it is too late: the VM has vCPUs',
  },
  KVM_GET_DEVICE_ATTR: {
    [ENXIO]: 'there is no such attribute here: check with hasDeviceAttr',
    [EFAULT]: 'the attribute is longer than any known one',
  },
  KVM_SET_DEVICE_ATTR: {
    [ENXIO]: 'there is no such attribute here: check with hasDeviceAttr',
    [EINVAL]: 'the attribute does not take this value',
    [EBUSY]: 'it is too late for this attribute: it must be set before the VM runs, or before it is used',
    [EEXIST]: 'the attribute is already set, and can only be set once',
  },
};

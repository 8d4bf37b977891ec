import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';

const { EBUSY, EEXIST, EFAULT, EINVAL, ENODEV, ENXIO, EPERM } = constants.errno;

const noController = 'createIrqChip comes first';

/** What a refusal means, of the ioctls about interrupts, timers and devices. */
export const interruptHints: IoctlHints = {
  KVM_CREATE_IRQCHIP: {
    [EEXIST]: 'the VM has an interrupt controller already',
    [EINVAL]: 'it must be created before the first vCPU',
  },
  KVM_IRQ_LINE: { [ENXIO]: noController },
  KVM_IRQ_LINE_STATUS: { [ENXIO]: noController },
  KVM_GET_IRQCHIP: { [ENXIO]: `${noController}; of a split one there is nothing in the kernel to get` },
  KVM_SET_IRQCHIP: { [ENXIO]: `${noController}; of a split one there is nothing in the kernel to set` },
  KVM_SET_GSI_ROUTING: {
    [EINVAL]:
      'createIrqChip or createSplitIrqChip comes first; then, a route leads to a pin that is not there or a GSI to two places at once, or this host has no routes of its kind',
  },
  KVM_SIGNAL_MSI: {
    [EINVAL]: 'createIrqChip or createSplitIrqChip comes first; then, the message is none this host understands',
    [EPERM]: 'no vCPU takes the message: there is none yet, or none with the APIC id in its address',
  },
  KVM_INTERRUPT: {
    [ENXIO]:
      'the kernel has the interrupt controller, which queues interrupts by itself: irqLine, irqfd or signalMsi make one',
    [EEXIST]: 'an interrupt is queued already: run the vCPU until it takes it',
    [EINVAL]: 'the vector must be below 256',
  },
  KVM_SET_MP_STATE: {
    [EINVAL]: 'this vCPU cannot be in that state; on x86 every one but Runnable needs a local APIC in the kernel',
  },
  KVM_IRQFD: {
    [EINVAL]:
      'createIrqChip comes first, and the GSI must be one of its pins or routed; a resample eventfd does not work with createSplitIrqChip',
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
    [EINVAL]: 'the attribute does not take this value',
    [EBUSY]: 'it is too late for this attribute: it must be set before the VM runs, or before it is used',
    [EEXIST]: 'the attribute was set already, and can be set once only',
  },
};

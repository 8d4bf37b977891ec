/** Why an ioctl of the architectures served here has no method of its own. */
export const withoutMethod: Readonly<Record<string, string>> = {
  ...of('gone from the kernel before any that is supported today', [
    'KVM_ASSIGN_DEV_IRQ',
    'KVM_ASSIGN_IRQ',
    'KVM_ASSIGN_PCI_DEVICE',
    'KVM_ASSIGN_SET_INTX_MASK',
    'KVM_ASSIGN_SET_MSIX_ENTRY',
    'KVM_ASSIGN_SET_MSIX_NR',
    'KVM_DEASSIGN_DEV_IRQ',
    'KVM_DEASSIGN_PCI_DEVICE',
    'KVM_DEBUG_GUEST',
    'KVM_SET_MEMORY_ALIAS',
    'KVM_SET_MEMORY_REGION',
    'KVM_TRACE_DISABLE',
    'KVM_TRACE_ENABLE',
    'KVM_TRACE_PAUSE',
    '__KVM_DEPRECATED_MAIN_0x07',
    '__KVM_DEPRECATED_MAIN_0x08',
    '__KVM_DEPRECATED_MAIN_W_0x06',
    '__KVM_DEPRECATED_VCPU_W_0x87',
    '__KVM_DEPRECATED_VM_R_0x70',
  ]),
};

/** Why a method cannot be tested on the hosts there are: here, and in the lab. */
export const withoutTest: Readonly<Record<string, string>> = {};

function of(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

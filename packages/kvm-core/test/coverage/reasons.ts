/** Why an ioctl of the supported architectures has no method. */
export const withoutMethod: Readonly<Record<string, string>> = {
  ...of('removed from the kernel before the oldest supported one', [
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

/** Why an ioctl cannot be tested here or in the lab. */
export const withoutTest: Readonly<Record<string, string>> = {
  ...of('raw only; no guest of the powerpc lab uses it', [
    'KVM_ALLOCATE_RMA',
    'KVM_CREATE_SPAPR_TCE',
    'KVM_CREATE_SPAPR_TCE_64',
    'KVM_PPC_ALLOCATE_HTAB',
    'KVM_PPC_CONFIGURE_V3_MMU',
    'KVM_PPC_GET_COMPAT_CAPS',
    'KVM_PPC_GET_CPU_CHAR',
    'KVM_PPC_GET_HTAB_FD',
    'KVM_PPC_GET_PVINFO',
    'KVM_PPC_GET_RMMU_INFO',
    'KVM_PPC_GET_SMMU_INFO',
    'KVM_PPC_RESIZE_HPT_COMMIT',
    'KVM_PPC_RESIZE_HPT_PREPARE',
    'KVM_PPC_RTAS_DEFINE_TOKEN',
    'KVM_PPC_SVM_OFF',
  ]),
  ...of('raw only; there is no host and no lab for s390 with KVM', [
    'KVM_S390_CLEAR_RESET',
    'KVM_S390_ENABLE_SIE',
    'KVM_S390_INITIAL_RESET',
    'KVM_S390_INTERRUPT',
    'KVM_S390_IRQ',
    'KVM_S390_KEYOP',
    'KVM_S390_NORMAL_RESET',
    'KVM_S390_PV_CPU_COMMAND',
    'KVM_S390_SET_INITIAL_PSW',
    'KVM_S390_STORE_STATUS',
    'KVM_S390_UCAS_UNMAP',
    'KVM_S390_ZPCI_OP',
  ]),
};

function of(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

import { table } from './table.js';

/**
 * The members of struct kvm_run's union that each exit reason fills. Some reasons fill none: the reason says
 * everything, or the data is outside the union (SET_TPR: `cr8`).
 */
export const exitMembers: Readonly<Record<string, readonly string[]>> = table({
  KVM_EXIT_UNKNOWN: ['hw'],
  // No architecture makes this exit any more.
  KVM_EXIT_EXCEPTION: ['ex'],
  KVM_EXIT_IO: ['io'],
  KVM_EXIT_HYPERCALL: ['hypercall'],
  KVM_EXIT_DEBUG: ['debug'],
  KVM_EXIT_HLT: [],
  KVM_EXIT_MMIO: ['mmio'],
  KVM_EXIT_IRQ_WINDOW_OPEN: [],
  KVM_EXIT_SHUTDOWN: [],
  KVM_EXIT_FAIL_ENTRY: ['fail_entry'],
  KVM_EXIT_INTR: [],
  KVM_EXIT_SET_TPR: [],
  KVM_EXIT_TPR_ACCESS: ['tpr_access'],
  KVM_EXIT_S390_SIEIC: ['s390_sieic'],
  KVM_EXIT_S390_RESET: ['s390_reset_flags'],
  KVM_EXIT_DCR: ['dcr'],
  KVM_EXIT_NMI: [],
  // `emulation_failure` overlays `internal`, and is the one to read where suberror is KVM_INTERNAL_ERROR_EMULATION.
  KVM_EXIT_INTERNAL_ERROR: ['internal', 'emulation_failure'],
  KVM_EXIT_OSI: ['osi'],
  KVM_EXIT_PAPR_HCALL: ['papr_hcall'],
  KVM_EXIT_S390_UCONTROL: ['s390_ucontrol'],
  KVM_EXIT_WATCHDOG: [],
  KVM_EXIT_S390_TSCH: ['s390_tsch'],
  KVM_EXIT_EPR: ['epr'],
  KVM_EXIT_SYSTEM_EVENT: ['system_event'],
  KVM_EXIT_S390_STSI: ['s390_stsi'],
  KVM_EXIT_IOAPIC_EOI: ['eoi'],
  KVM_EXIT_HYPERV: ['hyperv'],
  KVM_EXIT_ARM_NISV: ['arm_nisv'],
  KVM_EXIT_X86_RDMSR: ['msr'],
  KVM_EXIT_X86_WRMSR: ['msr'],
  KVM_EXIT_DIRTY_RING_FULL: [],
  KVM_EXIT_AP_RESET_HOLD: [],
  KVM_EXIT_X86_BUS_LOCK: [],
  KVM_EXIT_XEN: ['xen'],
  KVM_EXIT_RISCV_SBI: ['riscv_sbi'],
  KVM_EXIT_RISCV_CSR: ['riscv_csr'],
  KVM_EXIT_NOTIFY: ['notify'],

  // After 6.1.
  KVM_EXIT_LOONGARCH_IOCSR: ['iocsr_io'],
  // Comes with a KVM_RUN that fails with EFAULT or EHWPOISON.
  KVM_EXIT_MEMORY_FAULT: ['memory_fault'],
  KVM_EXIT_TDX: ['tdx'],
  KVM_EXIT_ARM_SEA: ['arm_sea'],
  KVM_EXIT_ARM_LDST64B: ['arm_nisv'],
  KVM_EXIT_SNP_REQ_CERTS: ['snp_req_certs'],
});

/** Constants that are named like exit reasons but are values and flags of the exits' members. */
export const notExitReasons: readonly string[] = [
  'KVM_EXIT_ARM_SEA_FLAG_GPA_VALID',
  'KVM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED',
  'KVM_EXIT_FAIL_ENTRY_NO_VSFILE',
  'KVM_EXIT_HYPERCALL_LONG_MODE',
  'KVM_EXIT_HYPERCALL_VALID_MASK',
  'KVM_EXIT_HYPERV_HCALL',
  'KVM_EXIT_HYPERV_SYNDBG',
  'KVM_EXIT_HYPERV_SYNIC',
  'KVM_EXIT_IO_IN',
  'KVM_EXIT_IO_OUT',
  'KVM_EXIT_XEN_HCALL',
];

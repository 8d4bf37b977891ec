import type { FlexCounts } from './facts.js';
import { table } from './table.js';

/**
 * The member that holds the number of elements. In a list that the kernel fills (kvm_msr_list, kvm_cpuid2,
 * kvm_reg_list) it holds the capacity on the way in and the number of elements on the way out. If the capacity is too
 * small, the call fails with E2BIG, and only kvm_msr_list and kvm_reg_list return the number that is needed.
 */
export const flexCounts: FlexCounts = table({
  kvm_cpuid: 'nent',
  kvm_cpuid2: 'nent',
  kvm_irq_routing: 'nr',
  kvm_msr_list: 'nmsrs',
  kvm_msrs: 'nmsrs',
  kvm_pmu_event_filter: 'nevents',
  kvm_reg_list: 'n',
  // The elements are bytes. The kernel accepts only sizeof(sigset_t), which is 8.
  kvm_signal_mask: 'len',
});

/** Records that end in an array without a member that counts its elements, and what tells the length instead. */
export const flexUncounted: Readonly<Record<string, string>> = {
  kvm_coalesced_mmio_ring: 'the ring fills the rest of its page: KVM_COALESCED_MMIO_MAX elements',
  kvm_nested_state: 'size is that of the whole struct in bytes, and format says which member of data is valid',
  'kvm_nested_state.data': 'the size of the enclosing struct, less its header of 128 bytes',
  kvm_stats_desc: 'name has the length name_size of the kvm_stats_header before the descriptors',
  // Both end in a kvm_cpuid2, which has its own count.
  kvm_tdx_capabilities: 'the kvm_cpuid2 at its end counts its own entries',
  kvm_tdx_init_vm: 'the kvm_cpuid2 at its end counts its own entries',
  kvm_xsave: 'the struct has as many bytes as KVM_CHECK_EXTENSION of KVM_CAP_XSAVE2 returns on the VM',
};

import type { FlexCounts } from './facts.js';
import { table } from './table.js';

/**
 * The member that holds the number of elements. In a list that the kernel fills (kvm_msr_list, kvm_cpuid2,
 * kvm_reg_list) it goes in as the room there is and comes back as the number of elements. Where the room was too small,
 * E2BIG, only kvm_msr_list and kvm_reg_list come back with the number that is needed.
 */
export const flexCounts: FlexCounts = table({
  kvm_cpuid: 'nent',
  kvm_cpuid2: 'nent',
  kvm_irq_routing: 'nr',
  kvm_msr_list: 'nmsrs',
  kvm_msrs: 'nmsrs',
  kvm_pmu_event_filter: 'nevents',
  kvm_reg_list: 'n',
  // Bytes, which are the elements here. The kernel takes sizeof(sigset_t), 8, and nothing else.
  kvm_signal_mask: 'len',
});

/** Records which end in an array that no member counts the elements of, and what does tell its length. */
export const flexUncounted: Readonly<Record<string, string>> = {
  kvm_coalesced_mmio_ring: 'the ring fills the rest of its page: KVM_COALESCED_MMIO_MAX elements',
  kvm_nested_state: 'size is that of the whole struct in bytes, and format says which member of data is there',
  'kvm_nested_state.data': 'the size of the struct around it tells, less its header of 128 bytes',
  kvm_stats_desc: 'name is as long as name_size of the kvm_stats_header says, which stands before the descriptors',
  // These two end in a kvm_cpuid2, which has its own count.
  kvm_tdx_capabilities: 'the kvm_cpuid2 at its end counts its own entries',
  kvm_tdx_init_vm: 'the kvm_cpuid2 at its end counts its own entries',
  kvm_xsave: 'the whole struct has as many bytes as KVM_CHECK_EXTENSION of KVM_CAP_XSAVE2 tells on the VM',
};

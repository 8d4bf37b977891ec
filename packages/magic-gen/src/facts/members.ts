/** The meaning of members whose C type does not say it. */

/** Integers that mean yes or no and nothing else, in any record. They become booleans. */
export const booleanMembers: readonly string[] = ['is_write', 'pio'];

/**
 * Arrays of fixed length where another member counts the elements in use, by record: the array, and the member that
 * counts it. They become views of the elements in use.
 */
export const countedMembers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'kvm_run.mmio': { data: 'len' },
  'kvm_run.iocsr_io': { data: 'len' },
  kvm_coalesced_mmio: { data: 'len' },
  'kvm_run.internal': { data: 'ndata' },
  'kvm_run.system_event': { data: 'ndata' },
  'kvm_run.emulation_failure': { insn_bytes: 'insn_size' },
};

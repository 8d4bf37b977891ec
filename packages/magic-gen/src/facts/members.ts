/** What the members of a record mean where their C type does not say it. */

/** Integers that say yes or no, and nothing else, whatever record they are in. They become booleans. */
export const booleanMembers: readonly string[] = ['is_write', 'pio'];

/**
 * Arrays of a fixed length of which another member says how many elements are in use, by record: the array, and what
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

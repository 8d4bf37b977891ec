import { CpuidFlag, KvmCpuidEntry2 } from '../../../abi/x86/index.js';

type Register = 'ebx' | 'ecx' | 'edx';

/**
 * The CPUID registers with features that a guest may rely on, and their bits that depend on the VMM or the guest
 * (`own`).
 */
const places: readonly { leaf: number; register: Register; own: number }[] = [
  // MONITOR, x2APIC, the TSC deadline, OSXSAVE, the hypervisor's own bit.
  { leaf: 1, register: 'ecx', own: bits(3, 21, 24, 27, 31) },
  // APIC, hyper-threading.
  { leaf: 1, register: 'edx', own: bits(9, 28) },
  { leaf: 7, register: 'ebx', own: 0 },
  // OSPKE.
  { leaf: 7, register: 'ecx', own: bits(4) },
  { leaf: 7, register: 'edx', own: 0 },
  // The legacy and extended APIC, topology.
  { leaf: 0x8000_0001, register: 'ecx', own: bits(1, 3, 22) },
  { leaf: 0x8000_0001, register: 'edx', own: bits(9, 28) },
];

/** The values of the registers in `places`, in its order. */
export type Features = readonly number[];

/**
 * The features that CPUID entries announce.
 *
 * @param entries consecutive structs: each restore reads them, and needs only a few.
 */
export function featuresOf(entries: Uint8Array): Features {
  return places.map(({ leaf, register }) => at(entries, leaf, register));
}

/** The features that a guest has seen and the host lacks. */
export function missingFeatures(seen: Features, had: Features): string[] {
  return places.flatMap(({ leaf, register, own }, i) => {
    const lacking = (seen[i] as number) & ~(had[i] as number) & ~own;
    // A list of bits for each place would be most of the work.
    if (lacking === 0) return [];
    return Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (lacking & (1 << bit)) !== 0)
      .map((bit) => `leaf 0x${leaf.toString(16)} ${register} bit ${bit}`);
  });
}

function at(entries: Uint8Array, leaf: number, register: Register): number {
  const words = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  for (let offset = 0; offset < entries.length; offset += KvmCpuidEntry2.size) {
    // The leaf is the first field of the struct.
    if (words.getUint32(offset, true) !== leaf) continue;
    const entry = KvmCpuidEntry2.at(entries.subarray(offset, offset + KvmCpuidEntry2.size));
    if ((entry.flags & CpuidFlag.SignificantIndex) === 0 || entry.index === 0) return entry[register];
  }
  return 0;
}

function bits(...numbers: readonly number[]): number {
  return numbers.reduce((mask, bit) => mask | (1 << bit), 0);
}

import { CpuidFlag, type KvmCpuidEntry2 } from '../../abi/x86/index.js';

type Register = 'ebx' | 'ecx' | 'edx';

/** Where CPUID names the features a guest may rely on, and the bits there that are the VMM's or the guest's own to set. */
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

/** The features that a guest was told of and a host does not have. */
export function missingFeatures(told: readonly KvmCpuidEntry2[], had: readonly KvmCpuidEntry2[]): string[] {
  return places.flatMap(({ leaf, register, own }) => {
    const lacking = at(told, leaf, register) & ~at(had, leaf, register) & ~own;
    return Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (lacking & (1 << bit)) !== 0)
      .map((bit) => `leaf 0x${leaf.toString(16)} ${register} bit ${bit}`);
  });
}

function at(entries: readonly KvmCpuidEntry2[], leaf: number, register: Register): number {
  const entry = entries.find(
    (each) => each.function === leaf && ((each.flags & CpuidFlag.SignificantIndex) === 0 || each.index === 0),
  );
  return entry?.[register] ?? 0;
}

function bits(...numbers: readonly number[]): number {
  return numbers.reduce((mask, bit) => mask | (1 << bit), 0);
}

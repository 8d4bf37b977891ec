import type { CpuidTable } from './table.js';

/** What a guest takes for the crystal also drives its local APIC timer, which runs at 1 GHz in KVM. */
const busHz = 1_000_000_000;
const busKhz = busHz / 1000;
/** Linux multiplies the numerator and the crystal's kHz with 32 bits. */
const largestNumerator = Math.floor(0xffff_ffff / busKhz);
/** VMware's leaf, which guests of KVM read, too. */
const hypervisorLeaf = 0x4000_0000;
const frequencyLeaf = 0x4000_0010;
/** The reference of the multiplier in Intel's leaf 0x16. */
const referenceMhz = 100;

/**
 * Writes the frequency of the time-stamp counter to the leaves that have it: 0x15 and 0x16 for an Intel processor, and
 * 0x4000_0010 if there is a hypervisor's leaf. Leaf 0x15 has a ratio, and a guest does not measure what it says: it is
 * written only if it can be exact.
 */
export function setTscFrequency(table: CpuidTable, khz: number): void {
  const hypervisor = table.find(hypervisorLeaf);
  if (hypervisor !== undefined) {
    hypervisor.eax = Math.max(hypervisor.eax, frequencyLeaf);
    table.put({ function: frequencyLeaf, eax: khz, ebx: busKhz });
  }
  const basic = table.find(0);
  if (basic === undefined || table.vendor !== 'GenuineIntel') return;
  const mhz = Math.round(khz / 1000);
  basic.eax = Math.max(basic.eax, 0x16);
  table.put({ function: 0x16, eax: mhz, ebx: mhz, ecx: referenceMhz });
  const divisor = gcd(khz, busKhz);
  const [numerator, denominator] = [khz / divisor, busKhz / divisor];
  const exact = numerator <= largestNumerator;
  table.put({ function: 0x15, ...(exact ? { eax: denominator, ebx: numerator, ecx: busHz } : {}) });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

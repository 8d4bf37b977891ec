import type { KvmCpuidEntry2 } from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import { integer } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';

/** The leaves with the topology of newer processors: Intel's first one, and the one with more levels. */
const topologyLeaves = [0xb, 0x1f] as const;
/** The leaves with the caches: Intel's and AMD's. */
const cacheLeaves: readonly number[] = [4, 0x8000_001d];
/** The highest level of a cache that a core has for itself. */
const ownCache = 2;
/** EDX of leaf 1. */
const hyperThreading = 1 << 28;
/** The number of ids with 15 bits, the largest size in AMD's leaf 0x8000_0008. */
const mostProcessors = 2 ** 15;

/** A `CpuidTable`, which imports this file. */
interface Leaves extends Iterable<KvmCpuidEntry2> {
  readonly vendor: string;
  find(leaf: number, subleaf?: number): KvmCpuidEntry2 | undefined;
  put(entry: StructInit<KvmCpuidEntry2>): KvmCpuidEntry2;
  delete(leaf: number, subleaf?: number): number;
}

/** Makes a table that of one of `count` processors: cores of one package, without hyper-threads. */
export function setTopology(table: Leaves, id: number, count: number): void {
  integer(count, 1, mostProcessors, 'the number of processors');
  const bits = Math.ceil(Math.log2(count));
  integer(id, 0, 2 ** bits - 1, `an APIC id of one of ${count} processors`);
  const basic = table.find(1);
  if (basic === undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this CPUID table has no leaf 0x1', { hint: 'put() one first' });
  }
  basic.ebx = (low(basic.ebx, 0xffff_0000) | (Math.min(count, 0xff) << 16) | ((id & 0xff) << 24)) >>> 0;
  // The bit says whether the number of processors in EBX is valid.
  basic.edx = (count > 1 ? basic.edx | hyperThreading : low(basic.edx, hyperThreading)) >>> 0;
  setLevels(table, id, count, bits);
  for (const entry of table) if (cacheLeaves.includes(entry.function)) shareCache(entry, bits);
  const sizes = table.find(0x8000_0008);
  if (sizes !== undefined && table.vendor === 'AuthenticAMD') {
    sizes.ecx = (low(sizes.ecx, 0xf0ff) | Math.min(count - 1, 0xff) | (bits << 12)) >>> 0;
  }
  const extended = table.find(0x8000_001e);
  if (extended !== undefined) {
    extended.eax = id;
    extended.ebx = id & 0xff;
    // One node.
    extended.ecx = 0;
  }
}

/** The threads of a core, the cores of the package, and the end of the list. */
function setLevels(table: Leaves, id: number, count: number, bits: number): void {
  const highest = table.find(0) ?? table.put({ function: 0 });
  highest.eax = Math.max(highest.eax, topologyLeaves[0]);
  for (const leaf of topologyLeaves) {
    if (leaf !== topologyLeaves[0] && table.find(leaf) === undefined) continue;
    table.delete(leaf);
    table.put({ function: leaf, index: 0, eax: 0, ebx: 1, ecx: 0x100, edx: id });
    table.put({ function: leaf, index: 1, eax: bits, ebx: count, ecx: 0x201, edx: id });
    table.put({ function: leaf, index: 2, ecx: 2, edx: id });
  }
}

/** Who shares a cache, and, in Intel's leaf, how many cores there are: numbers of ids, less one. */
function shareCache(entry: KvmCpuidEntry2, bits: number): void {
  const level = (entry.eax >>> 5) & 7;
  const isCache = (entry.eax & 0x1f) !== 0;
  if (!isCache) return;
  const ids = 2 ** bits - 1;
  const sharing = level <= ownCache ? 0 : Math.min(ids, 0xfff);
  const cores = entry.function === 4 ? Math.min(ids, 0x3f) : 0;
  entry.eax = (low(entry.eax, 0xffff_c000) | (sharing << 14) | (cores << 26)) >>> 0;
}

function low(word: number, mask: number): number {
  return (word & ~mask) >>> 0;
}

import { CpuidFlag, KvmCpuidEntry2 } from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import { integer, list, objectOf, u32 } from '../../../struct/check.js';
import { custom, type ShowOptions, show } from '../../../struct/inspect.js';
import { optionsOf } from '../../../struct/options.js';
import { copyOf, type StructInit } from '../../../struct/struct.js';
import type { CpuidBit } from './features.js';
import { textOf, wordsOf } from './text.js';
import { setTopology } from './topology.js';

const hypervisorLeaf = 0x4000_0000;
const extendedLeaf = 0x8000_0000;
const brandLeaves = [0x8000_0002, 0x8000_0003, 0x8000_0004] as const;

/**
 * An editable copy of the CPUID leaves of a guest. It finds entries by leaf and subleaf, and has names for feature bits
 * and texts. Pass it to `vcpu.setCpuid2`.
 */
export class CpuidTable implements Iterable<KvmCpuidEntry2> {
  #entries: KvmCpuidEntry2[];

  /** @param entries the result of `kvm.getSupportedCpuid` or `vcpu.getCpuid2`, another table, or your own leaves. */
  constructor(entries: ArrayLike<StructInit<KvmCpuidEntry2>> | CpuidTable = []) {
    this.#entries = CpuidTable.leavesOf(entries).map((entry) =>
      entry instanceof KvmCpuidEntry2 ? copyOf(entry) : KvmCpuidEntry2.from(entry),
    );
  }

  /** @internal The leaves of a table or list. */
  static leavesOf<T>(entries: CpuidTable | ArrayLike<T>): readonly (KvmCpuidEntry2 | T)[] {
    return entries instanceof CpuidTable ? entries.#entries : list(entries, 'CPUID leaves');
  }

  /** The entries as plain data. `new CpuidTable(JSON.parse(text))` turns them into a table again. */
  toJSON(): StructInit<KvmCpuidEntry2>[] {
    return this.#entries.map(({ function: leaf, index, flags, eax, ebx, ecx, edx }) => ({
      function: leaf,
      index,
      flags,
      eax,
      ebx,
      ecx,
      edx,
    }));
  }

  /** @internal `console.log`: one row for each leaf and subleaf. */
  [custom](depth: unknown, options: ShowOptions = {}): string {
    const rows = () => this.#entries.map((entry) => new Row(entry));
    // `compact` would put several rows on one line.
    return show(`CpuidTable(${this.length})`, rows, depth, { ...options, compact: false });
  }

  /** The number of leaves and subleaves. */
  get length(): number {
    return this.#entries.length;
  }

  [Symbol.iterator](): Iterator<KvmCpuidEntry2> {
    return this.#entries.values();
  }

  /**
   * The entry that CPUID returns for EAX = `leaf` and ECX = `subleaf`. It is the entry itself, so you can change its
   * registers. For a leaf without subleaves, `subleaf` is ignored.
   */
  find(leaf: number, subleaf = 0): KvmCpuidEntry2 | undefined {
    u32(leaf, 'a CPUID leaf');
    u32(subleaf, 'a CPUID subleaf');
    return this.#entries.find(isOf(leaf, subleaf));
  }

  /**
   * Adds a leaf, or replaces the one with the same number: `{ function: 0x4000_0000, eax: 0x4000_0001 }`. With an
   * `index` it is a subleaf.
   *
   * @returns the entry in the table.
   */
  put(entry: StructInit<KvmCpuidEntry2>): KvmCpuidEntry2 {
    const fresh = entry instanceof KvmCpuidEntry2 ? copyOf(entry) : KvmCpuidEntry2.from(withFlags(entry));
    const significant = (fresh.flags & CpuidFlag.SignificantIndex) !== 0;
    const at = this.#entries.findIndex(
      significant ? isOf(fresh.function, fresh.index) : (each) => each.function === fresh.function,
    );
    if (at === -1) this.#entries.push(fresh);
    else this.#entries[at] = fresh;
    return fresh;
  }

  /** Removes a leaf with all its subleaves, or one subleaf. Returns the number of removed entries. */
  delete(leaf: number, subleaf?: number): number {
    u32(leaf, 'a CPUID leaf');
    if (subleaf !== undefined) u32(subleaf, 'a CPUID subleaf');
    const before = this.length;
    const gone = subleaf === undefined ? (each: KvmCpuidEntry2) => each.function === leaf : isOf(leaf, subleaf);
    this.#entries = this.#entries.filter((each) => !gone(each));
    return before - this.length;
  }

  /** Whether the table has a feature of `CpuidFeature`. */
  has(feature: CpuidBit): boolean {
    const { leaf, subleaf, register, mask } = checked(feature);
    return ((this.find(leaf, subleaf)?.[register] ?? 0) & mask) !== 0;
  }

  /**
   * Shows features to the guest. This does not add features that the host lacks: see `kvm.getSupportedCpuid`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when the table lacks the leaf of a feature: `put` it first.
   */
  enable(...features: readonly CpuidBit[]): void {
    const places = features.map(checked).map((place) => {
      const entry = this.find(place.leaf, place.subleaf);
      if (entry !== undefined) return { entry, ...place };
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this CPUID table has no leaf 0x${place.leaf.toString(16)}`, {
        hint: 'put() one first',
      });
    });
    for (const { entry, register, mask } of places) entry[register] = (entry[register] | mask) >>> 0;
  }

  /** Hides features from the guest. */
  disable(...features: readonly CpuidBit[]): void {
    for (const { leaf, subleaf, register, mask } of features.map(checked)) {
      const entry = this.find(leaf, subleaf);
      if (entry !== undefined) entry[register] = (entry[register] & ~mask) >>> 0;
    }
  }

  /**
   * Sets the APIC id and a topology of `count` processors: cores of one package, without hyper-threads. Leaf 1 gets the
   * low 8 bits of the id and the number of processors. Leaf 0xb, which is added if it is missing, gets the whole id,
   * and so do 0x1f and AMD's 0x8000_0008 and 0x8000_001e if the table has them. The caches in leaf 4 and AMD's
   * 0x8000_001d are a core's own up to the second level, and everybody's from the third on. On x86 the id that
   * `vm.createVcpu` takes is the APIC id.
   *
   * @param id less than `count` rounded up to a power of two.
   * @param count the number of processors of the guest; default 1.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when the table has no leaf 1, `ERR_KVM_OUT_OF_RANGE`.
   */
  setApicId(id: number, count = 1): void {
    setTopology(this, id, count);
  }

  /** The processor vendor: twelve characters of leaf 0, "GenuineIntel" or "AuthenticAMD"; empty without the leaf. */
  get vendor(): string {
    const { ebx = 0, edx = 0, ecx = 0 } = this.find(0) ?? {};
    return textOf([ebx, edx, ecx]);
  }

  set vendor(text: string) {
    const [ebx = 0, edx = 0, ecx = 0] = wordsOf(text, 3, 'the vendor');
    this.put({ function: 0, eax: this.find(0)?.eax ?? 0, ebx, ecx, edx });
  }

  /** The name of the hypervisor: twelve characters of leaf 0x4000_0000, "KVMKVMKVM"; empty without the leaf. */
  get hypervisor(): string {
    const { ebx = 0, ecx = 0, edx = 0 } = this.find(hypervisorLeaf) ?? {};
    return textOf([ebx, ecx, edx]);
  }

  set hypervisor(text: string) {
    const [ebx = 0, ecx = 0, edx = 0] = wordsOf(text, 3, 'the hypervisor');
    this.put({ function: hypervisorLeaf, eax: this.find(hypervisorLeaf)?.eax ?? hypervisorLeaf, ebx, ecx, edx });
  }

  /** The name of the processor: up to 48 characters, in three leaves from 0x8000_0002; empty without them. */
  get brand(): string {
    const words = brandLeaves.flatMap((leaf) => {
      const { eax = 0, ebx = 0, ecx = 0, edx = 0 } = this.find(leaf) ?? {};
      return [eax, ebx, ecx, edx];
    });
    return textOf(words);
  }

  set brand(text: string) {
    const words = wordsOf(text, brandLeaves.length * 4, 'the brand');
    for (const [i, leaf] of brandLeaves.entries()) {
      const [eax = 0, ebx = 0, ecx = 0, edx = 0] = words.slice(i * 4);
      this.put({ function: leaf, eax, ebx, ecx, edx });
    }
    // A guest reads these leaves only if leaf 0x8000_0000 says that they exist.
    const highest = this.find(extendedLeaf) ?? this.put({ function: extendedLeaf });
    highest.eax = Math.max(highest.eax, brandLeaves[2]);
  }
}

/** A leaf in the printed table: `0xd.1: eax 0000000f ebx ...`. */
class Row {
  readonly #text: string;

  constructor({ function: leaf, index, flags, eax, ebx, ecx, edx }: KvmCpuidEntry2) {
    const place = (flags & CpuidFlag.SignificantIndex) === 0 ? '' : `.${index.toString(16)}`;
    const words = Object.entries({ eax, ebx, ecx, edx }).map(
      ([name, word]) => `${name} ${word.toString(16).padStart(8, '0')}`,
    );
    this.#text = `${`0x${leaf.toString(16)}${place}:`.padEnd(14)}${words.join(' ')}`;
  }

  [custom](): string {
    return this.#text;
  }
}

/** Matches the entry that CPUID returns for a leaf and subleaf. */
function isOf(leaf: number, subleaf: number): (entry: KvmCpuidEntry2) => boolean {
  return (entry) =>
    entry.function === leaf && ((entry.flags & CpuidFlag.SignificantIndex) === 0 || entry.index === subleaf);
}

/** Sets the flag of a subleaf if the entry has an `index`. */
function withFlags(entry: StructInit<KvmCpuidEntry2>): StructInit<KvmCpuidEntry2> {
  const { index } = objectOf(entry, 'a CPUID leaf');
  return { flags: index === undefined ? 0 : CpuidFlag.SignificantIndex, ...entry };
}

const registers: readonly CpuidBit['register'][] = ['eax', 'ebx', 'ecx', 'edx'];

function checked(feature: CpuidBit): CpuidBit & { mask: number } {
  const { leaf, subleaf, register, bit } = optionsOf(feature, 'a CPUID feature', [
    'leaf',
    'subleaf',
    'register',
    'bit',
  ]);
  u32(leaf, 'the leaf of a feature');
  u32(subleaf, 'the subleaf of a feature');
  if (!registers.includes(register)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the register of a feature must be one of: ${registers.join(', ')}`);
  }
  const mask = (1 << integer(bit, 0, 31, 'the bit of a feature')) >>> 0;
  return { leaf, subleaf, register, bit, mask };
}

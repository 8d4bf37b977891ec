import type { KvmDirtyGfn } from '../abi/x86/structs.js';
import type { Abi } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { systemCall } from '../ioctl/system-call.js';
import { pageSize } from '../memory/page-size.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** A page that a vCPU has written to. */
export interface DirtyPage {
  /** The number of its slot. */
  readonly slot: number;
  /** Which page of the slot it is, from 0 on. */
  readonly offset: number;
}

/**
 * The pages a vCPU has written to, as the kernel notes them: a ring that it shares with this process. Iterated, it gives those that
 * are there and marks them as taken; `vm.resetDirtyRings` then frees their entries. A page may be there twice. One thread at a time
 * may take.
 *
 * The ring of a closed vCPU is empty. api.rst 8.29.
 */
export class DirtyRing implements Iterable<DirtyPage> {
  /** How many entries there are, of which the kernel keeps some in reserve. */
  readonly entries: number;
  readonly #words: Uint32Array;
  readonly #flagsWord: number;
  /** A copy of the entry at hand. */
  readonly #entry: KvmDirtyGfn;
  readonly #entryWords: Uint32Array;
  readonly #state: Abi['DirtyGfnFlag'];
  #next = 0;

  /** @internal @param ring in a buffer that nobody else has and could transfer away. */
  constructor({ KvmDirtyGfn, DirtyGfnFlag }: Abi, ring: ArrayBuffer) {
    this.entries = ring.byteLength / KvmDirtyGfn.size;
    this.#words = new Uint32Array(ring);
    this.#entry = new KvmDirtyGfn();
    this.#entryWords = wordsOf(this.#entry);
    this.#flagsWord = wordsOf(KvmDirtyGfn.from({ flags: 0xffff_ffff })).indexOf(0xffff_ffff);
    this.#state = DirtyGfnFlag;
  }

  *[Symbol.iterator](): Generator<DirtyPage, void, void> {
    for (let page = this.#take(); page !== undefined; page = this.#take()) yield page;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => {
      let waiting = 0;
      while (waiting < this.entries && this.#isDirty((this.#next + waiting) % this.entries)) waiting++;
      return { entries: this.entries, waiting };
    };
    return show('DirtyRing', members, depth, options);
  }

  #flagsOf(entry: number): number {
    return entry * this.#entryWords.length + this.#flagsWord;
  }

  #isDirty(entry: number): boolean {
    return Atomics.load(this.#words, this.#flagsOf(entry)) === this.#state.Dirty;
  }

  #take(): DirtyPage | undefined {
    const words = this.#words;
    const { length } = this.#entryWords;
    const start = this.#next * length;
    // The kernel writes the entry, then its flag; the flag is read first, and in an order that no processor changes.
    if (!this.#isDirty(this.#next)) return undefined;
    for (let i = 0; i < length; i++) this.#entryWords[i] = words[start + i] as number;
    Atomics.store(words, this.#flagsOf(this.#next), this.#state.Reset);
    this.#next = (this.#next + 1) % this.entries;
    return { slot: this.#entry.slot, offset: Number(this.#entry.offset) };
  }
}

/** Where a ring is mapped. */
export interface MappedRing {
  readonly address: number;
  /** Bytes: all there are, for beyond its end is nothing that could be touched. */
  readonly length: number;
}

/** The ring of a new vCPU; `length` is what was enabled. */
export function mapRing(abi: Abi, backend: Backend, fd: number, length: number): MappedRing {
  const address = backend.map(fd, length, abi.KVM_DIRTY_LOG_PAGE_OFFSET * pageSize);
  return { address: systemCall('mapping the dirty ring of a vCPU', address), length };
}

function wordsOf({ bytes }: KvmDirtyGfn): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / Uint32Array.BYTES_PER_ELEMENT);
}

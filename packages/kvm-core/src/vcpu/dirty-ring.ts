import type { KvmDirtyGfn } from '../abi/x86/structs.js';
import type { Abi } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { systemCall } from '../ioctl/system-call.js';
import { pageSize } from '../memory/page-size.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** A page that a vCPU has written. */
export interface DirtyPage {
  /** The number of its slot. */
  readonly slot: number;
  /** The index of the page in the slot, from 0. */
  readonly offset: number;
}

/**
 * The pages that a vCPU has written, in a ring that the kernel shares with this process. Iteration yields the recorded
 * pages and marks them as taken; `vm.resetDirtyRings` then frees their entries. A page may occur twice. Only one thread
 * at a time may iterate.
 *
 * The ring of a closed vCPU is empty. api.rst 8.29.
 */
export class DirtyRing implements Iterable<DirtyPage> {
  /** The number of entries, some of which the kernel reserves. */
  readonly entries: number;
  readonly #words: Uint32Array;
  readonly #flagsWord: number;
  /** A copy of the current entry. */
  readonly #entry: KvmDirtyGfn;
  readonly #entryWords: Uint32Array;
  readonly #state: Abi['DirtyGfnFlag'];
  #next = 0;

  /** @internal @param ring a private buffer, which cannot be transferred away. */
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
    // The kernel writes the entry before its flag, so the flag is read first; Atomics keep this order.
    if (!this.#isDirty(this.#next)) return undefined;
    for (let i = 0; i < length; i++) this.#entryWords[i] = words[start + i] as number;
    Atomics.store(words, this.#flagsOf(this.#next), this.#state.Reset);
    this.#next = (this.#next + 1) % this.entries;
    return { slot: this.#entry.slot, offset: Number(this.#entry.offset) };
  }
}

/** The mapping of a ring. */
export interface MappedRing {
  readonly address: number;
  /** The exact length in bytes: memory mapped beyond the ring's end must not be accessed. */
  readonly length: number;
}

/** Maps the ring of a new vCPU; `length` is the enabled length. */
export function mapRing(abi: Abi, backend: Backend, fd: number, length: number): MappedRing {
  const address = backend.map(fd, length, abi.KVM_DIRTY_LOG_PAGE_OFFSET * pageSize);
  return { address: systemCall('mapping the dirty ring of a vCPU', address), length };
}

function wordsOf({ bytes }: KvmDirtyGfn): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / Uint32Array.BYTES_PER_ELEMENT);
}

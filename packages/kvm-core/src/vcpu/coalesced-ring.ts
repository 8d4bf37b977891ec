import type { KvmCoalescedMmio, KvmRunMmio } from '../abi/x86/structs.js';
import type { Abi } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';
import { mmioAccess } from './mmio-access.js';

/** A coalesced write of the guest, which caused no exit: `len` bytes of `data`. */
export interface CoalescedAccess extends Readonly<Pick<KvmCoalescedMmio, 'physAddr' | 'len' | 'data' | 'pio'>> {
  /** `physAddr`, the guest-physical address or port, as a number, for handlers that must not allocate. */
  readonly address: number;
  /** The first `len` bytes as a little-endian number. */
  readonly value: bigint;
  /** The same as a number, without allocation, for up to 4 bytes; for longer writes the low 4 bytes. */
  readonly value32: number;
}

/**
 * The guest's pending writes to the zones of `vm.registerCoalescedMmio`. All vCPUs of a VM share one ring, which each
 * of them maps; only one thread at a time may drain it. Drain it before you handle an exit, because the writes happened
 * first. A write to a full ring is an exit, too.
 *
 * The ring of a closed vCPU is empty. api.rst 4.116.
 */
export class CoalescedRing {
  readonly #words: Uint32Array;
  /** The offsets of the ring's fields, in words. */
  readonly #layout: { first: number; last: number; elements: number };
  readonly #entries: number;
  readonly #access: CoalescedAccess & KvmCoalescedMmio;
  readonly #accessWords: Uint32Array;
  /** The longest write in bytes. */
  readonly #longest: number;

  /** @internal @param page the ring's page, in a private buffer, which cannot be transferred away. */
  constructor({ KvmCoalescedMmio, KvmCoalescedMmioRing: Ring }: Abi, page: ArrayBuffer) {
    this.#words = new Uint32Array(page);
    this.#layout = {
      first: wordsOf(Ring.from({ first: 0xffff_ffff }).bytes).indexOf(0xffff_ffff),
      last: wordsOf(Ring.from({ last: 0xffff_ffff }).bytes).indexOf(0xffff_ffff),
      elements: Ring.elementsOffset / 4,
    };
    this.#entries = Math.floor((page.byteLength - Ring.elementsOffset) / Ring.elementSize);
    // KvmRunMmio has the same members and more.
    const Access = mmioAccess(
      KvmCoalescedMmio as unknown as typeof KvmRunMmio,
    ) as unknown as new () => CoalescedAccess & KvmCoalescedMmio;
    this.#access = new Access();
    this.#accessWords = wordsOf(this.#access.bytes);
    this.#longest = KvmCoalescedMmio.from({ len: 0xffff_ffff }).data.length;
  }

  /**
   * Takes the pending writes, oldest first, and passes each to `handle`. All of them use the same object, which is
   * overwritten when `handle` returns. Nothing is allocated.
   *
   * @returns the number of writes.
   */
  drain(handle: (access: CoalescedAccess) => void): number {
    if (typeof handle !== 'function') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the handler of coalesced writes must be a function');
    }
    let taken = 0;
    // The limit ends the loop even if the guest keeps writing.
    while (taken < this.#entries && this.#take()) {
      taken++;
      handle(this.#access);
    }
    return taken;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => {
      const { first, last } = this.#layout;
      const entries = this.#entries;
      const end = Atomics.load(this.#words, last) % entries;
      return { entries, waiting: (end - (Atomics.load(this.#words, first) % entries) + entries) % entries };
    };
    return show('CoalescedRing', members, depth, options);
  }

  #take(): boolean {
    const words = this.#words;
    const entries = this.#entries;
    const { first, last, elements } = this.#layout;
    // The kernel writes the entry before `last`; Atomics keep this order on every processor.
    const end = Atomics.load(words, last) % entries;
    const at = Atomics.load(words, first) % entries;
    if (at === end) return false;
    const copy = this.#accessWords;
    const start = elements + at * copy.length;
    for (let i = 0; i < copy.length; i++) copy[i] = words[start + i] as number;
    if (this.#access.len > this.#longest) this.#access.len = this.#longest;
    Atomics.store(words, first, (at + 1) % entries);
    return true;
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / Uint32Array.BYTES_PER_ELEMENT);
}

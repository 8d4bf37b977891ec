import { KvmError } from '../errors/kvm-error.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** The kernel fills bitmaps in units of this many pages, on every architecture. */
export const pagesPerWord = 64;

/**
 * The dirty pages of a slot: one bit per page, counted from the start of the slot. Iteration yields the numbers of the
 * dirty pages, in order. `vm.getDirtyLog` creates one.
 */
export class DirtyLog implements Iterable<number> {
  /** The number of the slot. */
  readonly slot: number;
  readonly #pages: number;
  readonly #bitmap: Uint8Array<ArrayBuffer>;

  /** @internal */
  constructor(slot: number, pages: number) {
    this.slot = slot;
    this.#pages = pages;
    this.#bitmap = new Uint8Array((Math.ceil(pages / pagesPerWord) * pagesPerWord) / 8);
  }

  /** The number of pages in the slot. */
  get pages(): number {
    return this.#pages;
  }

  /** The bits: page n in bit n % 8 of byte n / 8; a multiple of 8 bytes. */
  get bitmap(): Uint8Array {
    return this.#bitmap;
  }

  /** @internal The bitmap for the kernel, which is as long as the slot needs. */
  static bitmapOf(log: DirtyLog, slot: number, pages: number): Uint8Array {
    if (!(log instanceof DirtyLog)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'log must be a DirtyLog');
    if (log.slot !== slot || log.#pages !== pages) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `this log is of slot ${log.slot} with ${log.#pages} pages, and slot ${slot} has ${pages}`,
      );
    }
    if (log.#bitmap.length * 8 < pages) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the bitmap of this log was transferred away');
    }
    return log.#bitmap;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    return show('DirtyLog', () => ({ slot: this.slot, pages: this.#pages, dirty: [...this] }), depth, options);
  }

  /** Whether a page is dirty. */
  has(page: number): boolean {
    return page >= 0 && page < this.#pages && (((this.#bitmap[page >> 3] ?? 0) >> (page & 7)) & 1) === 1;
  }

  /** The number of dirty pages. */
  get size(): number {
    let size = 0;
    for (const _ of this) size++;
    return size;
  }

  *[Symbol.iterator](): Generator<number, void, void> {
    const bitmap = this.#bitmap;
    for (let byte = 0; byte < bitmap.length; byte++) {
      // The lowest bit, and then the rest without it.
      for (let bits = bitmap[byte] as number; bits !== 0; bits &= bits - 1) {
        yield byte * 8 + 31 - Math.clz32(bits & -bits);
      }
    }
  }
}

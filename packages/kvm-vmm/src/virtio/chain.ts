import type { Dma } from './dma.js';

/** Virtio 1.3, 2.7.5: a chain has no more bytes. */
const mostBytes = 2 ** 32;

/**
 * A request of a driver: some bytes that the device may read, then some that it may write, in any number of pieces. A
 * queue fills the same object again and again: `Queue.pop`.
 *
 * The driver decides how it cuts a request into pieces, so copies go by offsets in the whole readable or writable part.
 * They copy no more than there is, and return the number of bytes. The driver may change its bytes at any time: copy
 * what must not change between a check and its use.
 *
 * Without a copy, `offsetOf` and `lengthOf` say where the segments lie, for calls such as preadv: the readable segments
 * first. Each is contiguous in the memory of this process.
 */
export class Chain {
  readonly #dma: Dma;
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  #id = 0;
  #slots = 0;
  #segments = 0;
  #readableSegments = 0;
  #readableLength = 0;
  #writableLength = 0;
  #hasWritable = false;

  constructor(dma: Dma) {
    this.#dma = dma;
  }

  /** What the queue needs to give the chain back: the driver's number for it. */
  get id(): number {
    return this.#id;
  }

  /** How many descriptors of the ring it takes. */
  get slots(): number {
    return this.#slots;
  }

  /** Bytes that the device may read. */
  get readableLength(): number {
    return this.#readableLength;
  }

  /** Bytes that the device may write. */
  get writableLength(): number {
    return this.#writableLength;
  }

  /** The number of segments, readable and writable. Empty descriptors are none. */
  get segments(): number {
    return this.#segments;
  }

  /** The number of readable segments, which come first. */
  get readableSegments(): number {
    return this.#readableSegments;
  }

  /** Where a segment begins: bytes from the start of the `GuestMemory`. */
  offsetOf(segment: number): number {
    return this.#offsets[segment] as number;
  }

  /** The bytes of a segment; at least 1. */
  lengthOf(segment: number): number {
    return this.#lengths[segment] as number;
  }

  /** A segment itself. It allocates the view. */
  view(segment: number): Uint8Array {
    return this.#dma.view(this.offsetOf(segment), this.lengthOf(segment));
  }

  /** Copies bytes of the readable part, from its byte `offset` on, to byte `at` of `into`. */
  readInto(offset: number, into: Uint8Array, at = 0, length: number = into.length - at): number {
    let skip = offset;
    let done = 0;
    for (let i = 0; i < this.#readableSegments && done < length; i++) {
      const size = this.lengthOf(i);
      if (skip < size) {
        const part = Math.min(size - skip, length - done);
        this.#dma.copyOut(this.offsetOf(i) + skip, into, at + done, part);
        done += part;
      }
      skip = Math.max(0, skip - size);
    }
    return done;
  }

  /** Copies bytes of `from`, from its byte `at` on, into the writable part, from its byte `offset` on. */
  write(offset: number, from: Uint8Array, at = 0, length: number = from.length - at): number {
    let skip = offset;
    let done = 0;
    for (let i = this.#readableSegments; i < this.#segments && done < length; i++) {
      const size = this.lengthOf(i);
      if (skip < size) {
        const part = Math.min(size - skip, length - done);
        this.#dma.copyIn(this.offsetOf(i) + skip, from, at + done, part);
        done += part;
      }
      skip = Math.max(0, skip - size);
    }
    return done;
  }

  /** @internal The queue begins to fill it. */
  begin(): void {
    this.#segments = 0;
    this.#readableSegments = 0;
    this.#readableLength = 0;
    this.#writableLength = 0;
    this.#hasWritable = false;
  }

  /** @internal Adds what a descriptor says. Returns whether a chain may have it. */
  add(guestPhysAddr: number, length: number, isWritable: boolean): boolean {
    const offset = this.#dma.offsetOf(guestPhysAddr, length);
    if (offset === undefined || (this.#hasWritable && !isWritable)) return false;
    if (this.#readableLength + this.#writableLength + length > mostBytes) return false;
    this.#hasWritable = isWritable;
    for (let done = 0; done < length; ) {
      const part = Math.min(length - done, this.#dma.contiguous(offset + done));
      this.#offsets[this.#segments] = offset + done;
      this.#lengths[this.#segments++] = part;
      done += part;
    }
    if (isWritable) {
      this.#writableLength += length;
    } else {
      this.#readableLength += length;
      this.#readableSegments = this.#segments;
    }
    return true;
  }

  /** @internal The chain is complete. */
  end(id: number, slots: number): void {
    this.#id = id;
    this.#slots = slots;
  }
}

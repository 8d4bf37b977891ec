import type { SharedRing } from './byte-ring.js';

/** How many bytes have been written, and read, modulo 2^32. */
const WRITTEN = 0;
const READ = 1;
/** Whether the reader, or the writer, waits to be woken. */
const READER_WAITS = 2;
const WRITER_WAITS = 3;
const WORDS = 4;

/** Bytes before a packet: its length (4) and its tag (4). Packets begin at multiples of it. */
const headSize = 8;
/** In place of a length: the rest of the buffer is empty, and the next packet is at its start. */
const gap = -1;

/**
 * Packets from one thread to another through shared memory, without locks. There is one writer and one reader. Both
 * work on the bytes of a packet where they lie, contiguous, so that nothing is copied twice and nothing allocated:
 *
 *     const at = ring.reserve(length, tag);        const at = ring.next();
 *     if (at >= 0) {                               if (at >= 0) {
 *       ring.bytes.set(packet, at);                  use(ring.bytes, at, ring.length);
 *       ring.commit();                               ring.release();
 *     }                                            }
 *
 * Who finds no packet, or no room, says so and looks once more before it sleeps. The other side then wakes it.
 */
export class PacketRing {
  readonly shared: SharedRing;
  readonly bytes: Uint8Array;
  /** The length and the tag of the packet that `next` has found. */
  length = 0;
  tag = 0;
  readonly #words: Int32Array;
  readonly #heads: Int32Array;
  #end = 0;
  /** Whether anything has changed since the other side was last looked after. */
  #hasChanged = false;

  constructor(shared: SharedRing) {
    const { buffer, byteOffset, byteLength } = shared.bytes;
    this.shared = shared;
    this.bytes = shared.bytes;
    this.#words = shared.words;
    this.#heads = new Int32Array(buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT);
  }

  /**
   * A ring whose reader waits for the first packet.
   *
   * @param capacity bytes, a power of two from 16 on.
   */
  static allocate(capacity: number): PacketRing {
    const words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
    words[READER_WAITS] = 1;
    return new PacketRing({ words, bytes: new Uint8Array(new SharedArrayBuffer(capacity)) });
  }

  /**
   * For the writer: finds a place for a packet.
   *
   * @param length at most half of the capacity, with `spare` and 8 bytes of its own.
   * @param spare room that must be left behind it.
   * @returns the offset of the place in `bytes`, or -1 if there is no room.
   */
  reserve(length: number, tag: number, spare = 0): number {
    const capacity = this.bytes.length;
    const written = Atomics.load(this.#words, WRITTEN);
    const used = (written - Atomics.load(this.#words, READ)) >>> 0;
    const size = sizeOf(length);
    let at = written & (capacity - 1);
    const skipped = at + size > capacity ? capacity - at : 0;
    if (used + skipped + size + spare > capacity) return -1;
    if (skipped > 0) {
      this.#heads[at / 4] = gap;
      at = 0;
    }
    this.#heads[at / 4] = length;
    this.#heads[at / 4 + 1] = tag;
    this.#end = (written + skipped + size) | 0;
    return at + headSize;
  }

  /** For the writer: the packet is there. */
  commit(): void {
    Atomics.store(this.#words, WRITTEN, this.#end);
    this.#hasChanged = true;
  }

  /** For the reader: finds the next packet. Returns its offset in `bytes`, or -1 if there is none. */
  next(): number {
    let read = Atomics.load(this.#words, READ);
    if (read === Atomics.load(this.#words, WRITTEN)) return -1;
    let at = read & (this.bytes.length - 1);
    if (this.#heads[at / 4] === gap) {
      read += this.bytes.length - at;
      at = 0;
    }
    this.length = this.#heads[at / 4] as number;
    this.tag = this.#heads[at / 4 + 1] as number;
    this.#end = (read + sizeOf(this.length)) | 0;
    return at + headSize;
  }

  /** For the reader: it has done with the packet that `next` has found. */
  release(): void {
    Atomics.store(this.#words, READ, this.#end);
    this.#hasChanged = true;
  }

  /** The reader wants to be woken for the next packet. Look once more: one may have come meanwhile. */
  waitForPacket(): void {
    Atomics.store(this.#words, READER_WAITS, 1);
  }

  /** The writer wants to be woken when there is more room. Try once more: there may be already. */
  waitForRoom(): void {
    Atomics.store(this.#words, WRITER_WAITS, 1);
  }

  /** For the writer, after it has written: whether the reader is to be woken. It is once for each `waitForPacket`. */
  takeWaitingReader(): boolean {
    return this.#takeWaiting(READER_WAITS);
  }

  /** For the reader, after it has read: whether the writer is to be woken. It is once for each `waitForRoom`. */
  takeWaitingWriter(): boolean {
    return this.#takeWaiting(WRITER_WAITS);
  }

  #takeWaiting(word: number): boolean {
    if (!this.#hasChanged) return false;
    this.#hasChanged = false;
    return Atomics.exchange(this.#words, word, 0) === 1;
  }
}

function sizeOf(length: number): number {
  return headSize + Math.ceil(length / headSize) * headSize;
}

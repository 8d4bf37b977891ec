import type { Chain } from '../chain.js';
import type { Queue } from '../queue.js';
import type { IoVector } from './io-vector.js';

/** Where the header of a frame says in how many buffers the frame is. */
const bufferCountAt = 10;

/**
 * The buffers that a driver has provided for received frames. `reserve` takes as many as a frame needs, `give` returns
 * them filled, and `putBack` as they were. In between nothing stays reserved.
 */
export class ReceiveBuffers {
  readonly #queue: Queue;
  /** Whether a frame may be in several of them: VIRTIO_NET_F_MRG_RXBUF. */
  readonly #areMergeable: boolean;
  readonly #chains: Chain[] = [];
  readonly #bufferCount = new Uint8Array(2);
  #count = 0;
  #total = 0;
  /** The descriptors of those that are reserved. */
  #slots = 0;
  #given = 0;

  constructor(queue: Queue, areMergeable: boolean) {
    this.#queue = queue;
    this.#areMergeable = areMergeable;
  }

  /** The bytes that were given to the driver until now. */
  get given(): number {
    return this.#given;
  }

  /** The bytes that those which are reserved have room for. */
  get total(): number {
    return this.#total;
  }

  /** Whether the driver cannot provide more for one frame than what is reserved. */
  get isAll(): boolean {
    return this.#areMergeable ? this.#slots >= this.#queue.size : this.#count === 1;
  }

  /**
   * Reserves at least one buffer, and as many as it takes for so many bytes, beside those that are reserved already.
   * Returns whether there are as many. If the driver has not added enough, it rings the doorbell for the next one.
   */
  reserve(length: number): boolean {
    while ((this.#count === 0 || this.#total < length) && !this.isAll) {
      const chain = this.#queue.pop(this.#chain(this.#count));
      if (chain === undefined) {
        if (this.#queue.listen()) continue;
        return false;
      }
      this.#count++;
      this.#total += chain.writableLength;
      this.#slots += chain.slots;
    }
    return this.#total >= length;
  }

  /** Adds bytes of the reserved buffers to a vector, from byte `offset` on. Returns how many there was room for. */
  describe(vector: IoVector, offset: number, length: number): number {
    let skip = offset;
    let done = 0;
    for (let i = 0; i < this.#count && done < length; i++) {
      const chain = this.#chain(i);
      const part = Math.min(chain.writableLength - skip, length - done);
      if (part > 0) {
        const added = vector.addWritable(chain, skip, part);
        done += added;
        if (added < part) break;
      }
      skip = Math.max(0, skip - chain.writableLength);
    }
    return done;
  }

  /** Copies bytes into the reserved buffers, from byte `offset` on. */
  write(offset: number, from: Uint8Array, at: number, length: number): void {
    let skip = offset;
    let done = 0;
    for (let i = 0; i < this.#count && done < length; i++) {
      const chain = this.#chain(i);
      done += chain.write(skip, from, at + done, length - done);
      skip = Math.max(0, skip - chain.writableLength);
    }
  }

  /** Copies bytes out of the reserved buffers, from their start. */
  read(into: Uint8Array, length: number): void {
    let done = 0;
    for (let i = 0; i < this.#count && done < length; i++) {
      const chain = this.#chain(i);
      for (let j = chain.readableSegments; j < chain.segments && done < length; j++) {
        const part = Math.min(chain.lengthOf(j), length - done);
        into.set(chain.view(j).subarray(0, part), done);
        done += part;
      }
    }
  }

  /** Gives a frame of so many bytes, its header among them, to the driver. Buffers that it does not need go back. */
  give(length: number): void {
    let used = 0;
    for (let room = 0; room < length; room += this.#chain(used++).writableLength);
    while (this.#count > used) this.#unpop();
    this.#bufferCount[0] = used;
    this.#bufferCount[1] = used >> 8;
    this.write(bufferCountAt, this.#bufferCount, 0, this.#bufferCount.length);
    this.#given += length;
    let left = length;
    for (let i = 0; i < used; i++) {
      const chain = this.#chain(i);
      const part = Math.min(left, chain.writableLength);
      this.#queue.push(chain, part);
      left -= part;
    }
    this.#count = 0;
    this.#total = 0;
    this.#slots = 0;
  }

  /** Leaves the reserved buffers to the next frame. */
  putBack(): void {
    while (this.#count > 0) this.#unpop();
  }

  #unpop(): void {
    const chain = this.#chain(--this.#count);
    this.#total -= chain.writableLength;
    this.#slots -= chain.slots;
    this.#queue.unpop(chain);
  }

  /** Each is made once. */
  #chain(index: number): Chain {
    let chain = this.#chains[index];
    if (chain === undefined) {
      chain = this.#queue.createChain();
      this.#chains.push(chain);
    }
    return chain;
  }
}

import type { GuestMemory } from '@kvm/core';
import type { Chain } from '../chain.js';
import { type Address, type Host, putNumber } from './host.js';
import { UIO_MAXIOV } from './linux.js';
import { answerStart } from './message.js';

/** The part of a `GuestMemory` that a share uses. */
export type FsMemory = Pick<GuestMemory, 'size' | 'windowSize' | 'bytes'>;

/** `struct iovec`: an address and a length. */
const vectorSize = 16;

/** Moves bytes between files and the segments of a chain, in as few system calls as there can be, without a copy. */
export class Vectors {
  readonly #host: Host;
  readonly #windowSize: number;
  /** They are kept, and so their addresses stay what they are. */
  readonly #windows: readonly { readonly bytes: Uint8Array; readonly address: Address }[];
  readonly #view = new DataView(new ArrayBuffer(vectorSize * UIO_MAXIOV));
  readonly #address: Address;

  constructor(host: Host, memory: FsMemory) {
    const { size, windowSize } = memory;
    this.#host = host;
    this.#windowSize = windowSize;
    this.#windows = Array.from({ length: Math.ceil(size / windowSize) }, (_, index) => {
      const bytes = memory.bytes(index * windowSize, Math.min(windowSize, size - index * windowSize));
      return { bytes, address: host.address(bytes) };
    });
    this.#address = host.address(this.#view);
  }

  /** Reads into the room for the answer's arguments, at most `size` bytes. Returns how many, or -errno. */
  read(chain: Chain, fd: number, position: number, size: number): number {
    const length = Math.min(size, chain.writableLength - answerStart);
    return this.#transfer(false, chain, fd, position, chain.readableSegments, chain.segments, answerStart, length);
  }

  /** Writes all that the guest has sent from byte `start` of its request on. Returns how many bytes, or -errno. */
  write(chain: Chain, fd: number, position: number, start: number): number {
    const length = chain.readableLength - start;
    return this.#transfer(true, chain, fd, position, 0, chain.readableSegments, start, length);
  }

  #transfer(
    isWrite: boolean,
    chain: Chain,
    fd: number,
    position: number,
    first: number,
    end: number,
    start: number,
    length: number,
  ): number {
    let skip = start;
    let done = 0;
    for (let segment = first; segment < end && done < length; ) {
      let count = 0;
      let bytes = 0;
      for (; segment < end && count < UIO_MAXIOV && done + bytes < length; segment++) {
        const size = chain.lengthOf(segment);
        const part = Math.min(size - skip, length - done - bytes);
        if (part > 0) {
          putNumber(this.#view, vectorSize * count, this.#addressOf(chain.offsetOf(segment) + skip));
          putNumber(this.#view, vectorSize * count + 8, part);
          count++;
          bytes += part;
        }
        skip = Math.max(0, skip - size);
      }
      if (count === 0) break;
      const moved = this.#host.transfer(isWrite, fd, this.#address, count, position + done);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      // The end of the file, or a full disk: what follows would not be where it belongs.
      if (moved < bytes) break;
    }
    return done;
  }

  #addressOf(offset: number): Address {
    const index = Math.floor(offset / this.#windowSize);
    return (this.#windows[index]?.address as Address) + (offset % this.#windowSize);
  }
}

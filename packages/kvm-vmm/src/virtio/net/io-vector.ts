import { constants } from 'node:os';
import type { GuestMemory } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import { __NR_readv, __NR_writev } from '../../abi/unistd/constants.js';
import type { Chain } from '../chain.js';

const { EINTR } = constants.errno;

/** `UIO_MAXIOV`: a call takes no more pieces. */
const mostPieces = 1024;
/** `struct iovec` in words of 32 bits: an address and a length of 64 bits each. */
const words = 4;
const twoTo32 = 2 ** 32;

/** The part of a `GuestMemory` that the calls use. */
export type IoMemory = Pick<GuestMemory, 'size' | 'windowSize' | 'bytes'>;

/**
 * The pieces that readv and writev take: the segments of chains in guest memory, and buffers of this process. The
 * kernel copies straight from and into guest memory. Nothing is allocated.
 */
export class IoVector {
  readonly #backend: Backend;
  readonly #windows: readonly Uint8Array[];
  /** Where the windows of guest memory begin. They do not move. */
  readonly #addresses: readonly number[];
  readonly #windowSize: number;
  readonly #pieces = new Uint32Array(words * mostPieces);
  readonly #address: number;
  #count = 0;

  constructor(memory: IoMemory, backend: Backend) {
    this.#backend = backend;
    this.#windowSize = memory.windowSize;
    this.#windows = Array.from({ length: Math.ceil(memory.size / memory.windowSize) }, (_, index) => {
      const start = index * memory.windowSize;
      return memory.bytes(start, Math.min(memory.windowSize, memory.size - start));
    });
    this.#addresses = this.#windows.map((window) => backend.address(window));
    this.#address = backend.address(this.#pieces);
  }

  clear(): void {
    this.#count = 0;
  }

  /** Adds bytes of this process. Returns whether there is room. */
  add(address: number, length: number): boolean {
    if (this.#count === mostPieces) return false;
    const at = words * this.#count++;
    this.#pieces[at] = address % twoTo32;
    this.#pieces[at + 1] = Math.floor(address / twoTo32);
    this.#pieces[at + 2] = length;
    this.#pieces[at + 3] = 0;
    return true;
  }

  /** Adds bytes of the readable part of a chain, from its byte `offset` on. Returns how many there was room for. */
  addReadable(chain: Chain, offset: number, length: number): number {
    return this.#addSegments(chain, 0, chain.readableSegments, offset, length);
  }

  /** Adds bytes of the writable part of a chain, from its byte `offset` on. Returns how many there was room for. */
  addWritable(chain: Chain, offset: number, length: number): number {
    return this.#addSegments(chain, chain.readableSegments, chain.segments, offset, length);
  }

  /** `readv`: the number of bytes, or `-errno`. */
  read(fd: number): number {
    return this.#call(__NR_readv, fd);
  }

  /** `writev`: the number of bytes, or `-errno`. */
  write(fd: number): number {
    return this.#call(__NR_writev, fd);
  }

  #addSegments(chain: Chain, first: number, end: number, offset: number, length: number): number {
    let skip = offset;
    let done = 0;
    for (let i = first; i < end && done < length; i++) {
      const size = chain.lengthOf(i);
      if (skip < size) {
        const part = Math.min(size - skip, length - done);
        if (!this.#addMemory(chain.offsetOf(i) + skip, part)) break;
        done += part;
      }
      skip = Math.max(0, skip - size);
    }
    return done;
  }

  #addMemory(offset: number, length: number): boolean {
    const window = Math.floor(offset / this.#windowSize);
    return this.add((this.#addresses[window] as number) + offset - window * this.#windowSize, length);
  }

  #call(number: number, fd: number): number {
    let result: number;
    do result = this.#backend.syscall(number, fd, this.#address, this.#count, 0, 0, 0);
    while (result === -EINTR);
    return result;
  }
}

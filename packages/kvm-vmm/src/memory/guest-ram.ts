import { type GuestMemory, pageSize } from '@kvm/core';
import { checkMemory, ramOffset } from './memory-map.js';

/**
 * A guest's memory by guest-physical address, for devices that read and write it themselves (DMA). The memory is mapped
 * as `mapRam` maps it.
 *
 * Addresses and lengths come from the guest, so those that are not memory are no error here: each method says whether
 * there is memory, and does nothing where there is not. They are numbers, which are exact for every address that a
 * processor has. The guest may change its memory at any time: copy what must not change between a check and its use.
 */
export class GuestRam {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    checkMemory(memory);
    this.#memory = memory;
  }

  /** Copies memory into a buffer, as many bytes as that has. Returns whether they are all memory. */
  read(guestPhysAddr: number, into: Uint8Array): boolean {
    const offset = ramOffset(guestPhysAddr, into.length, this.#memory.size);
    if (offset === undefined) return false;
    this.#memory.readInto(offset, into);
    return true;
  }

  /** Copies bytes into memory, all or none. Returns whether there is memory for all of them. */
  write(guestPhysAddr: number, bytes: Uint8Array): boolean {
    const offset = ramOffset(guestPhysAddr, bytes.length, this.#memory.size);
    if (offset === undefined) return false;
    this.#memory.write(offset, bytes);
    return true;
  }

  /** Memory itself, without a copy; undefined where the bytes are not all memory, or lie in two windows of it. */
  view(guestPhysAddr: number, length: number): Uint8Array | undefined {
    const { size, windowSize } = this.#memory;
    const offset = ramOffset(guestPhysAddr, length, size);
    if (offset === undefined || (offset % windowSize) + length > windowSize) return undefined;
    return this.#memory.bytes(offset, length);
  }

  /**
   * Gives the page of an address back to the host, and fills a new one with its bytes: the guest's next access to it is
   * a page fault in the host. What a vCPU writes there meanwhile may be lost. Returns whether there is memory.
   */
  renewPage(guestPhysAddr: number): boolean {
    const start = Math.floor(guestPhysAddr / pageSize) * pageSize;
    const offset = ramOffset(start, pageSize, this.#memory.size);
    if (offset === undefined) return false;
    const bytes = this.#memory.read(offset, pageSize);
    this.#memory.discard(offset, pageSize);
    this.#memory.write(offset, bytes);
    return true;
  }
}

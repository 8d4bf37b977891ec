import type { GuestMemory } from '@kvm/core';
import type { Dma } from '../virtio/dma.js';
import { checkMemory, ramOffset } from './memory-map.js';

/** A piece of the memory, in one buffer. */
interface Window {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly view: DataView;
}

/** Bytes. Up to here a loop is faster than a view, and allocates nothing. */
const few = 64;

/** A guest's memory for devices that read and write it themselves. The memory is mapped as `mapRam` maps it. */
export class GuestDma implements Dma {
  readonly #memory: GuestMemory;
  readonly #windows: readonly Window[];
  readonly #windowSize: number;

  constructor(memory: GuestMemory) {
    checkMemory(memory);
    this.#memory = memory;
    this.#windowSize = memory.windowSize;
    this.#windows = Array.from({ length: Math.ceil(memory.size / memory.windowSize) }, (_, index) => {
      const start = index * memory.windowSize;
      const bytes = memory.bytes(start, Math.min(memory.windowSize, memory.size - start));
      const { buffer, byteOffset, length } = bytes;
      return {
        bytes,
        halves: new Uint16Array(buffer, byteOffset, length / Uint16Array.BYTES_PER_ELEMENT),
        view: new DataView(buffer, byteOffset, length),
      };
    });
  }

  offsetOf(guestPhysAddr: number, length: number): number | undefined {
    return ramOffset(guestPhysAddr, length, this.#memory.size);
  }

  contiguous(offset: number): number {
    return this.#window(offset).bytes.length - this.#within(offset);
  }

  load16(offset: number): number {
    return Atomics.load(this.#window(offset).halves, this.#within(offset) / 2);
  }

  store16(offset: number, value: number): void {
    Atomics.store(this.#window(offset).halves, this.#within(offset) / 2, value);
  }

  read32(offset: number): number {
    const { view } = this.#window(offset);
    const within = this.#within(offset);
    if (within + 4 <= view.byteLength) return view.getUint32(within, true);
    let value = 0;
    for (let i = 3; i >= 0; i--) value = value * 256 + this.#byte(offset + i);
    return value;
  }

  write32(offset: number, value: number): void {
    const { view } = this.#window(offset);
    const within = this.#within(offset);
    if (within + 4 <= view.byteLength) view.setUint32(within, value, true);
    else for (let i = 0; i < 4; i++) this.#setByte(offset + i, value >>> (8 * i));
  }

  copyOut(offset: number, into: Uint8Array, at: number, length: number): void {
    if (length <= few) for (let i = 0; i < length; i++) into[at + i] = this.#byte(offset + i);
    else this.#memory.readInto(offset, into.subarray(at, at + length));
  }

  copyIn(offset: number, from: Uint8Array, at: number, length: number): void {
    if (length <= few) for (let i = 0; i < length; i++) this.#setByte(offset + i, from[at + i] as number);
    else this.#memory.write(offset, from.subarray(at, at + length));
  }

  view(offset: number, length: number): Uint8Array {
    return this.#memory.bytes(offset, length);
  }

  #window(offset: number): Window {
    return this.#windows[offset < this.#windowSize ? 0 : Math.floor(offset / this.#windowSize)] as Window;
  }

  #within(offset: number): number {
    return offset < this.#windowSize ? offset : offset % this.#windowSize;
  }

  #byte(offset: number): number {
    return this.#window(offset).bytes[this.#within(offset)] as number;
  }

  #setByte(offset: number, value: number): void {
    this.#window(offset).bytes[this.#within(offset)] = value;
  }
}

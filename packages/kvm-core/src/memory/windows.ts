import { types } from 'node:util';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { chunk, copyBytes } from './copy.js';

const { isSharedArrayBuffer } = types;

/** The total number of bytes of a memory that may be copied through shared windows, which is slow. */
const few = 2 ** 16;

/** The buffers of a memory: each but the last has `windowSize` bytes. */
export interface Layout {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  readonly backing: Backing;
}

/** Where pages come from: nowhere, a file that others see changed, or a file whose changes stay in this process. */
export type Backing = (typeof backings)[number];
export const backings = ['anonymous', 'shared', 'private'] as const;

/**
 * The pages of a guest memory, in one buffer, or in several if the runtime has a lower limit. The caller must check
 * that an offset and a length lie in the memory.
 */
export class Windows implements Layout {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  readonly backing: Backing;
  readonly #backend: Backend;
  /** The results of `#unshared`, by window. */
  readonly #unsharedWindows: (Uint8Array | undefined)[];
  /** The number of bytes that were copied through shared windows. */
  #copied = 0;

  /** @param unshared the windows to use for copies, if the memory is not shared. */
  constructor(backend: Backend, { size, windowSize, windows, backing }: Layout, unshared: Uint8Array[] = []) {
    this.#backend = backend;
    this.size = size;
    this.windowSize = windowSize;
    this.windows = windows;
    this.backing = backing;
    this.#unsharedWindows = unshared;
  }

  /** Whether the pages can be shared with other Workers. */
  get areShared(): boolean {
    return this.windows.every(({ buffer }) => isSharedArrayBuffer(buffer));
  }

  /** A view of bytes that lie in one window. */
  view(offset: number, length: number): Uint8Array {
    // The end of the memory belongs to the last window.
    const index = Math.min(Math.floor(offset / this.windowSize), this.windows.length - 1);
    const within = offset - index * this.windowSize;
    const window = this.windows[index] as Uint8Array;
    if (window.length === 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the buffer of this memory was transferred away');
    }
    if (within + length > window.length) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at ${offset} lie across two windows of ${this.windowSize} bytes each: use read and write`,
      );
    }
    return window.subarray(within, within + length);
  }

  /** Returns whole pages to the host. */
  discard(offset: number, length: number): void {
    const backend = this.#backend;
    // Pages that are given up in a private mapping of a file would be those of the file again.
    const give = { anonymous: backend.discard, shared: backend.remove, private: backend.blank }[this.backing];
    for (let done = 0; done < length; ) {
      const part = Math.min(this.windowSize - ((offset + done) % this.windowSize), length - done);
      systemCall('discarding guest memory', give(backend.address(this.view(offset + done, part)), part));
      done += part;
    }
  }

  copyOut(offset: number, into: Uint8Array): void {
    const window = this.#only(into.length);
    if (window !== undefined) {
      into.set(new Uint8Array(window.buffer, window.byteOffset + offset, into.length));
      return;
    }
    for (let done = 0; done < into.length; ) {
      const { window, within } = this.#place(offset + done, into.length - done);
      const length = Math.min(window.length - within, into.length - done);
      copyBytes(done === 0 ? into : into.subarray(done), window.subarray(within, within + length));
      done += length;
    }
  }

  copyIn(offset: number, bytes: Uint8Array): void {
    const window = this.#only(bytes.length);
    if (window !== undefined) {
      window.set(bytes, offset);
      return;
    }
    for (let done = 0; done < bytes.length; ) {
      const { window, within } = this.#place(offset + done, bytes.length - done);
      const length = Math.min(window.length - within, bytes.length - done);
      const part = length === bytes.length ? bytes : bytes.subarray(done, done + length);
      copyBytes(window.subarray(within, within + length), part);
      done += length;
    }
  }

  /** The only window, for a copy so short that the alignment does not matter; otherwise undefined. */
  #only(length: number): Uint8Array | undefined {
    if (this.windows.length > 1 || length === 0 || length >= chunk) return undefined;
    return this.#windowFor(0, length);
  }

  /** The window with the byte at `offset`, for a copy of `length` bytes, and the offset in that window. */
  #place(offset: number, length: number): { window: Uint8Array; within: number } {
    const index = Math.floor(offset / this.windowSize);
    return { window: this.#windowFor(index, length), within: offset - index * this.windowSize };
  }

  /**
   * A window for a copy: unshared, except for the first few bytes. A new view of much memory triggers a garbage
   * collection of some milliseconds, which is longer than the start of a VM.
   */
  #windowFor(index: number, length: number): Uint8Array {
    const known = this.#unsharedWindows[index];
    if (known !== undefined) return known;
    this.#copied += length;
    return this.#copied <= few ? (this.windows[index] as Uint8Array) : this.#unshared(index);
  }

  /**
   * A view of a window through a buffer that is not marked as shared. The engine copies shared buffers word by word,
   * and others at full speed. Only copies use it, and it lives no longer than the window.
   */
  #unshared(index: number): Uint8Array {
    const window = this.windows[index] as Uint8Array;
    const backend = this.#backend;
    const unshared = new Uint8Array(backend.view(backend.address(window), window.length));
    this.#unsharedWindows[index] = unshared;
    return unshared;
  }
}

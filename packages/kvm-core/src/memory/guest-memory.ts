import { types } from 'node:util';
import type { Backend, BackendName } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { integer } from '../struct/check.js';
import { custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import { allocateWindows, type MemoryOptions, mappedWindows, windowLimit } from './allocation.js';
import { allocateBytes } from './pages.js';
import { openMemory, type SharedGuestMemory } from './shared-memory.js';
import { wholePages } from './sizes.js';
import { Windows } from './windows.js';

const { isUint8Array } = types;

/**
 * RAM for a guest: zeroed pages that can be shared with every Worker. The host provides a page on its first access.
 *
 * `bytes(offset, length)` is a view of the pages. An access beyond the end throws, and never wraps. The pages are
 * released when nothing refers to them any more: neither this object, nor a view of it, nor a VM that has it in a slot.
 * `kvm.allocateMemory` creates one.
 */
export class GuestMemory implements Disposable {
  readonly #windows: Windows;
  readonly #backendName: BackendName;
  /** Returns the pages to the host at once; undefined if other threads may have them. */
  #discard: (() => void) | undefined;
  /** The number of users: this object until it is closed, and each slot that has the memory. */
  #users = 1;
  #closed = false;

  private constructor(backend: Backend, windows: Windows, discard?: () => void) {
    this.#backendName = backend.name;
    this.#windows = windows;
    this.#discard = discard;
  }

  /** The size in bytes. */
  get size(): number {
    return this.#windows.size;
  }

  /** The size of each window but the last in bytes: `size`, unless the memory needs several windows. */
  get windowSize(): number {
    return this.#windows.windowSize;
  }

  /** @internal `kvm.allocateMemory`. `limit` is a parameter so that tests can have small windows. */
  static allocate(backend: Backend, options: MemoryOptions, limit: number = windowLimit): GuestMemory {
    const { windows, discard } = allocateWindows(backend, options, limit);
    return new GuestMemory(backend, windows, discard);
  }

  /** @internal The mapped pages of a file: `GuestMemfd.map`. */
  static mapped(backend: Backend, address: number, size: number): GuestMemory {
    const { windows, discard } = mappedWindows(backend, address, size);
    return new GuestMemory(backend, windows, discard);
  }

  /** The same memory, in the Worker that received the result of `share`. */
  static from(shared: SharedGuestMemory): GuestMemory {
    const { backend, ...layout } = openMemory(shared);
    return new GuestMemory(backend, new Windows(backend, layout));
  }

  /**
   * Returns a handle to send to another Worker with `postMessage`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the pages of a `GuestMemfd`, which belong to their thread.
   */
  share(): SharedGuestMemory {
    this.#check(0, 0);
    const { size, windowSize, windows, backing, areShared } = this.#windows;
    if (!areShared) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        'memory that is mapped from a file cannot be sent to another Worker',
      );
    }
    this.keep();
    return { size, windowSize, windows, backing, backend: this.#backendName };
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => ({ size: hex(this.size), ...(this.#closed && { closed: true }) });
    return show('GuestMemory', members, depth, options);
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Ends the use of this object. A VM with the memory in a slot keeps the pages for its guest. Without such a VM, and
   * if the memory was not shared, they return to the host at once, and views of them read zero.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    if (--this.#users === 0) this.#discard?.();
  }

  /** @internal Called when a slot gets the memory. Returns the function to call when the slot no longer has it. */
  hold(): () => void {
    this.#users++;
    let held = true;
    return () => {
      if (held) this.#release();
      held = false;
    };
  }

  /** @internal Other threads may use the pages after `close`, so it does not return them to the host. */
  keep(): void {
    this.#discard = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The bytes from `offset`, as a view: the guest sees what is written there.
   *
   * @param offset bytes from the start of the memory, not a guest-physical address.
   * @param wanted the number of bytes; default: all up to the end.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if they are not all inside, or lie across two windows.
   */
  bytes(offset = 0, wanted?: number): Uint8Array {
    return this.#windows.view(offset, this.#check(offset, wanted));
  }

  /**
   * Takes pages back from the guest, as a balloon does. They return to the host at once, and then read zero for the
   * guest, this thread and every Worker that shares the memory. The next access takes new pages from the host. For
   * memory of a file or of `GuestMemfd.map`, the file loses the pages, in all of its mappings and slots; one that is
   * mapped copy-on-write keeps its own.
   *
   * @param offset bytes from the start of the memory, whole pages.
   * @param length bytes, whole pages; default: all up to the end.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if the range is not whole pages, or leaves the memory.
   */
  discard(offset = 0, length?: number): void {
    const size = this.#check(offset, length);
    wholePages(offset, 'the offset of the discarded pages');
    wholePages(size, 'the length of the discarded pages');
    this.#windows.discard(offset, size);
  }

  /** Copies bytes from any `offset` into a new array. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    const copy = allocateBytes(length);
    this.#windows.copyOut(offset, copy);
    return copy;
  }

  /** Copies bytes from any `offset`, as many as fit into `into`. */
  readInto(offset: number, into: Uint8Array): void {
    if (!isUint8Array(into)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the target of a read from guest memory must be a Uint8Array');
    }
    this.#check(offset, into.length);
    this.#windows.copyOut(offset, into);
  }

  /** Copies bytes to any `offset`. If they do not all fit, it throws and copies none. */
  write(offset: number, source: Uint8Array): void {
    if (!isUint8Array(source)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the source of a write to guest memory must be a Uint8Array');
    }
    this.#check(offset, source.length);
    this.#windows.copyIn(offset, source);
  }

  /** Checks a range and returns its length; the default is all up to the end. */
  #check(offset: number, wanted?: number): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this GuestMemory is closed');
    integer(offset, 0, this.size, 'an offset into guest memory');
    const length = integer(wanted ?? this.size - offset, 0, Number.MAX_SAFE_INTEGER, 'a length in guest memory');
    if (offset + length > this.size) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at offset ${offset} leave the guest memory of ${this.size} bytes`,
      );
    }
    return length;
  }
}

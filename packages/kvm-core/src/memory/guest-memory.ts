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
 * RAM for a guest: zeroed pages that every Worker can see, backed by nothing until they are touched.
 *
 * `bytes(offset, length)` is a view of the pages themselves. An access that leaves the memory throws, and never wraps.
 * The pages go when nothing refers to them any more: this object, views of it, and the VMs that have it in a slot.
 * `kvm.allocateMemory` makes one.
 */
export class GuestMemory implements Disposable {
  readonly #windows: Windows;
  readonly #backendName: BackendName;
  /** Gives the pages back at once; only where no other thread can have them. */
  #discard: (() => void) | undefined;
  /** One for itself until it is closed, and one for each slot that has it. */
  #users = 1;
  #closed = false;

  private constructor(backend: Backend, windows: Windows, discard?: () => void) {
    this.#backendName = backend.name;
    this.#windows = windows;
    this.#discard = discard;
  }

  /** Bytes. */
  get size(): number {
    return this.#windows.size;
  }

  /** Bytes of each part but the last: mostly that of the whole. */
  get windowSize(): number {
    return this.#windows.windowSize;
  }

  /** @internal `kvm.allocateMemory`; `limit` is a parameter so that tests can have windows without gigabytes. */
  static allocate(backend: Backend, options: MemoryOptions, limit: number = windowLimit): GuestMemory {
    const { windows, discard } = allocateWindows(backend, options, limit);
    return new GuestMemory(backend, windows, discard);
  }

  /** @internal The pages of a file, which are mapped: `GuestMemfd.map`. */
  static mapped(backend: Backend, address: number, size: number): GuestMemory {
    const { windows, discard } = mappedWindows(backend, address, size);
    return new GuestMemory(backend, windows, discard);
  }

  /** The same memory, in the Worker that was sent what `share` gave. */
  static from(shared: SharedGuestMemory): GuestMemory {
    const { backend, ...layout } = openMemory(shared);
    return new GuestMemory(backend, new Windows(backend, layout));
  }

  /**
   * What to send to another Worker with `postMessage`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the pages of a `GuestMemfd`, which only their thread sees.
   */
  share(): SharedGuestMemory {
    this.#check(0, 0);
    const { size, windowSize, windows, areShared } = this.#windows;
    if (!areShared) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        'memory that is mapped from a file cannot be sent to another Worker',
      );
    }
    this.keep();
    return { size, windowSize, windows, backend: this.#backendName };
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
   * Ends the use of this object. A VM that has the memory in a slot keeps the pages for its guest; with the last of
   * them, and if no other Worker was given the memory, they go back to the host at once, and views of them read zero.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    if (--this.#users === 0) this.#discard?.();
  }

  /** @internal A slot has the memory: gives what to call when it no longer does. */
  hold(): () => void {
    this.#users++;
    let held = true;
    return () => {
      if (held) this.#release();
      held = false;
    };
  }

  /** @internal Other threads may use the pages after this object's end: `close` does not give them back. */
  keep(): void {
    this.#discard = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The bytes from `offset`, as a view: what is written there is the guest's.
   *
   * @param offset bytes from the start of the memory, not a guest-physical address.
   * @param wanted how many bytes; all that follow.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` when they are not all inside, or lie across two windows.
   */
  bytes(offset = 0, wanted?: number): Uint8Array {
    return this.#windows.view(offset, this.#check(offset, wanted));
  }

  /**
   * Takes pages back from the guest, as a balloon does: they go to the host at once, and read zero from then on, for
   * the guest, for this thread and for every Worker that shares the memory. The next touch takes new pages from the
   * host. Of the memory of `GuestMemfd.map` the file loses the pages, whichever mapping and whichever slot shows them.
   *
   * @param offset bytes from the start of the memory, whole pages.
   * @param length bytes, whole pages; all that follow.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for what is not whole pages, or leaves the memory.
   */
  discard(offset = 0, length?: number): void {
    const size = this.#check(offset, length);
    wholePages(offset, 'the offset of what is discarded');
    wholePages(size, 'the length of what is discarded');
    this.#windows.discard(offset, size);
  }

  /** Copies bytes out, from any `offset`. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    const copy = allocateBytes(length);
    this.#windows.copyOut(offset, copy);
    return copy;
  }

  /** Copies bytes out, from any `offset`, as many as `into` has room for. */
  readInto(offset: number, into: Uint8Array): void {
    if (!isUint8Array(into)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what guest memory is read into must be a Uint8Array');
    }
    this.#check(offset, into.length);
    this.#windows.copyOut(offset, into);
  }

  /** Copies bytes in, to any `offset`: all of them or, when they do not fit, none. */
  write(offset: number, source: Uint8Array): void {
    if (!isUint8Array(source)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what is written to guest memory must be a Uint8Array');
    }
    this.#check(offset, source.length);
    this.#windows.copyIn(offset, source);
  }

  /** Gives the length: without one, all that follows the offset. */
  #check(offset: number, wanted?: number): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this GuestMemory is closed');
    integer(offset, 0, this.size, 'an offset into guest memory');
    const length = integer(wanted ?? this.size - offset, 0, Number.MAX_SAFE_INTEGER, 'a length in guest memory');
    if (offset + length > this.size) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at offset ${offset} leave the guest memory, which has ${this.size}`,
      );
    }
    return length;
  }
}

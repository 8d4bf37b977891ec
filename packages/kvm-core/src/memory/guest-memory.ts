import { constants as bufferLimits } from 'node:buffer';
import { totalmem } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { integer } from '../struct/check.js';
import { pageSize } from './page-size.js';

/** A `GuestMemory` as `postMessage` carries it: `GuestMemory.from` makes one of it in another Worker, of the same pages. */
export interface SharedGuestMemory {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
}

/**
 * The longest buffer to ask the runtime for, less the page that alignment may cost: a shared buffer starts where the allocator puts
 * it, and the kernel takes whole pages only. Newer runtimes name a limit they do not keep; 8 GiB they all give.
 */
const windowLimit = Math.floor(Math.min(bufferLimits.MAX_LENGTH, 2 ** 33) / pageSize - 1) * pageSize;

/**
 * RAM for a guest: zeroed pages that every Worker can see, backed by nothing until they are touched.
 *
 * `bytes(offset, length)` is a view of the pages themselves. An access that leaves the memory throws, and never wraps. The pages
 * go when nothing refers to them any more: this object, views of it, and the VMs that have it in a slot. `kvm.allocateMemory`
 * makes one.
 */
export class GuestMemory implements Disposable {
  /** Bytes. */
  readonly size: number;
  /** Bytes of each part but the last: mostly that of the whole. */
  readonly windowSize: number;
  readonly #windows: readonly Uint8Array[];
  /** Gives the pages back at once; only where no other thread can have them. */
  #discard: (() => void) | undefined;
  /** One for itself until it is closed, and one for each slot that has it. */
  #users = 1;
  #closed = false;

  private constructor({ size, windowSize, windows }: SharedGuestMemory, discard?: () => void) {
    this.size = size;
    this.windowSize = windowSize;
    this.#windows = windows;
    this.#discard = discard;
  }

  /** @internal `kvm.allocateMemory`; `limit` is a parameter so that tests can have windows without gigabytes. */
  static allocate(backend: Backend, size: number, limit: number = windowLimit): GuestMemory {
    const most = Math.floor(totalmem() / pageSize) * pageSize;
    integer(size, pageSize, most, 'the size of guest memory, in bytes,');
    wholePages(size, 'the size of guest memory');
    const windowSize = Math.min(size, limit);
    const windows: Uint8Array[] = [];
    for (let offset = 0; offset < size; offset += windowSize) {
      windows.push(allocatePages(backend, Math.min(windowSize, size - offset)));
    }
    return new GuestMemory({ size, windowSize, windows }, () => {
      for (const window of windows) backend.discard(backend.address(window), window.length);
    });
  }

  /** The same memory, in the Worker that was sent what `share` gave. */
  static from(shared: SharedGuestMemory): GuestMemory {
    const { size, windowSize, windows } = (shared ?? {}) as Partial<SharedGuestMemory>;
    const parts = Array.isArray(windows) ? (windows as readonly Uint8Array[]) : [];
    const fits = parts.every(
      (part, i) =>
        part instanceof Uint8Array &&
        part.buffer instanceof SharedArrayBuffer &&
        (i === parts.length - 1 || part.length === windowSize),
    );
    const total = fits ? parts.reduce((sum, part) => sum + part.length, 0) : 0;
    if (!fits || total === 0 || total !== size || windowSize === undefined || (parts[0]?.length ?? 0) > windowSize) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not what GuestMemory.share gave');
    }
    return new GuestMemory({ size, windowSize, windows: [...parts] });
  }

  /** What to send to another Worker with `postMessage`. */
  share(): SharedGuestMemory {
    this.#check(0, 0);
    // From now on others may use the pages after this object's end.
    this.#discard = undefined;
    return { size: this.size, windowSize: this.windowSize, windows: [...this.#windows] };
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Ends the use of this object. A VM that has the memory in a slot keeps the pages for its guest; with the last of them, and if
   * no other Worker was given the memory, they go back to the host at once, and views of them read zero.
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
    return () => this.#release();
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
    const length = this.#check(offset, wanted);
    // The end of the memory belongs to the last window.
    const index = Math.min(Math.floor(offset / this.windowSize), this.#windows.length - 1);
    const within = offset - index * this.windowSize;
    const window = this.#windows[index] as Uint8Array;
    if (within + length > window.length) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at ${offset} lie across two windows of ${this.windowSize} bytes each: use read and write`,
      );
    }
    return window.subarray(within, within + length);
  }

  /** Copies bytes out, from any `offset`. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    const copy = new Uint8Array(length);
    this.#eachPart(offset, length, (part, done) => copy.set(part, done));
    return copy;
  }

  /** Copies bytes in, to any `offset`: all of them or, when they do not fit, none. */
  write(offset: number, source: Uint8Array): void {
    if (!(source instanceof Uint8Array)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what is written to guest memory must be a Uint8Array');
    }
    this.#check(offset, source.length);
    this.#eachPart(offset, source.length, (part, done) => part.set(source.subarray(done, done + part.length)));
  }

  #eachPart(offset: number, length: number, visit: (part: Uint8Array, done: number) => void): void {
    for (let done = 0; done < length; ) {
      const room = this.windowSize - ((offset + done) % this.windowSize);
      const part = this.bytes(offset + done, Math.min(room, length - done));
      visit(part, done);
      done += part.length;
    }
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

/** @param shown the value for the message, where `value` is only its remainder. */
export function wholePages(value: number, what: string, shown: number | bigint = value): void {
  if (value % pageSize !== 0) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be whole pages of ${pageSize} bytes, not ${shown}`);
  }
}

/** Zeroed, page-aligned, shared bytes: as many pages as asked for, out of a buffer of one more. */
function allocatePages(backend: Backend, length: number): Uint8Array {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(length + pageSize);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host cannot give ${length} bytes of guest memory`, { cause });
  }
  const misaligned = backend.address(new Uint8Array(buffer)) % pageSize;
  return new Uint8Array(buffer, misaligned === 0 ? 0 : pageSize - misaligned, length);
}

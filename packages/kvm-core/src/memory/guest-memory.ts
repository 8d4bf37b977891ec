import { constants as bufferLimits } from 'node:buffer';
import { freemem } from 'node:os';
import { types } from 'node:util';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { boolean, integer } from '../struct/check.js';
import { custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import { optionsOf } from '../struct/options.js';
import { chunk, copyBytes } from './copy.js';
import { pageSize } from './page-size.js';
import { allocateBytes, allocatePages } from './pages.js';
import { openMemory, type SharedGuestMemory } from './shared-memory.js';
import { memorySize, wholePages } from './sizes.js';

const { isSharedArrayBuffer, isUint8Array } = types;

/** What `kvm.allocateMemory` takes. */
export interface MemoryOptions {
  /** Bytes, a multiple of `pageSize`. */
  size: number;
  /**
   * Asks the host for huge pages, which it may give unasked only where transparent huge pages are set to "always"; false. The
   * memory then begins on a boundary of 2 MiB, and so should the guest-physical address. A first touch takes 2 MiB at once.
   */
  hugePages?: boolean;
  /**
   * Takes all pages from the host now, and refuses the memory where the host has too few; false. Without it a page is taken when it is first
   * touched: a guest may have more memory than the host, and is killed, as any process, where the host runs out of it.
   */
  reserve?: boolean;
}

type Windows = Omit<SharedGuestMemory, 'backend'>;

/** Bytes of a memory that may be copied word by word, all in all. */
const few = 2 ** 16;

/** Bytes of a huge page, which begins at a multiple of them. */
const hugePageSize = 2 ** 21;

/**
 * The longest buffer to ask the runtime for, less what alignment may cost: a shared buffer starts where the allocator puts it, and
 * the kernel takes whole pages only. Newer runtimes name a limit they do not keep; 8 GiB they all give.
 */
const windowLimit = Math.floor(Math.min(bufferLimits.MAX_LENGTH, 2 ** 33) / hugePageSize - 1) * hugePageSize;

/** Blanks windows of a file that nobody closed, once nobody can reach the buffer that shows them. */
const unreachable = new FinalizationRegistry<{ backend: Backend; address: number; length: number }>(
  ({ backend, address, length }) => backend.blank(address, length),
);

/**
 * RAM for a guest: zeroed pages that every Worker can see, backed by nothing until they are touched.
 *
 * `bytes(offset, length)` is a view of the pages themselves. An access that leaves the memory throws, and never wraps. The pages
 * go when nothing refers to them any more: this object, views of it, and the VMs that have it in a slot. `kvm.allocateMemory`
 * makes one.
 */
export class GuestMemory implements Disposable {
  readonly #size: number;
  readonly #windowSize: number;
  readonly #windows: readonly Uint8Array[];
  readonly #backend: Backend;
  /** The windows once more, as `#unshared` gives them. */
  readonly #unsharedWindows: (Uint8Array | undefined)[];
  /** Bytes that were copied by way of shared windows. */
  #copied = 0;
  /** Gives the pages back at once; only where no other thread can have them. */
  #discard: (() => void) | undefined;
  /** One for itself until it is closed, and one for each slot that has it. */
  #users = 1;
  #closed = false;

  private constructor(
    backend: Backend,
    { size, windowSize, windows }: Windows,
    discard?: () => void,
    unshared: Uint8Array[] = [],
  ) {
    this.#backend = backend;
    this.#size = size;
    this.#windowSize = windowSize;
    this.#windows = windows;
    this.#discard = discard;
    this.#unsharedWindows = unshared;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of each part but the last: mostly that of the whole. */
  get windowSize(): number {
    return this.#windowSize;
  }

  /** @internal `kvm.allocateMemory`; `limit` is a parameter so that tests can have windows without gigabytes. */
  static allocate(backend: Backend, options: MemoryOptions, limit: number = windowLimit): GuestMemory {
    const {
      size,
      hugePages = false,
      reserve = false,
    } = optionsOf(options, 'the options of allocateMemory', ['size', 'hugePages', 'reserve']);
    memorySize(size, 'the size of guest memory');
    if (boolean(reserve, 'reserve') && size > freemem()) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `the host has no ${size} bytes of memory to reserve, but ${freemem()}`,
      );
    }
    const alignment = boolean(hugePages, 'hugePages') ? hugePageSize : pageSize;
    const windows = windowsOf(size, limit, (_, length) => allocatePages(backend, length, alignment));
    for (const window of hugePages ? windows : []) {
      systemCall('asking for huge pages', backend.hugePages(backend.address(window), window.length));
    }
    if (reserve) for (const window of windows) for (let i = 0; i < window.length; i += pageSize) window[i] = 0;
    return new GuestMemory(backend, { size, windowSize: Math.min(size, limit), windows }, () => {
      for (const window of windows) backend.discard(backend.address(window), window.length);
    });
  }

  /**
   * @internal A file's pages, which are mapped. They belong to one thread: a view of what is mapped is no shared buffer. Where they
   * were is blank once the memory is closed and in no slot, or nobody can reach it or a view of it.
   */
  static mapped(backend: Backend, address: number, size: number): GuestMemory {
    const viewOf = (offset: number, length: number): Uint8Array => {
      return new Uint8Array(backend.view(address + offset, length));
    };
    const windows = windowsOf(size, windowLimit, viewOf);
    windows.forEach(({ buffer, length }, i) => {
      // No function: it would keep what it is made beside, the windows among it.
      unreachable.register(buffer, { backend, address: address + i * windowLimit, length }, windows);
    });
    const end = (): void => {
      unreachable.unregister(windows);
      backend.blank(address, size);
    };
    // Copies need windows of their own: the buffers that views show can be transferred away.
    const own = windowsOf(size, windowLimit, viewOf);
    return new GuestMemory(backend, { size, windowSize: Math.min(size, windowLimit), windows }, end, own);
  }

  /** The same memory, in the Worker that was sent what `share` gave. */
  static from(shared: SharedGuestMemory): GuestMemory {
    const { backend, ...windows } = openMemory(shared);
    return new GuestMemory(backend, windows);
  }

  /**
   * What to send to another Worker with `postMessage`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the pages of a `GuestMemfd`, which only their thread sees.
   */
  share(): SharedGuestMemory {
    this.#check(0, 0);
    if (!this.#windows.every(({ buffer }) => isSharedArrayBuffer(buffer))) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        'memory that is mapped from a file cannot be sent to another Worker',
      );
    }
    this.keep();
    return {
      size: this.#size,
      windowSize: this.#windowSize,
      windows: this.#windows,
      backend: this.#backend.name,
    };
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => ({ size: hex(this.#size), ...(this.#closed && { closed: true }) });
    return show('GuestMemory', members, depth, options);
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
    const length = this.#check(offset, wanted);
    // The end of the memory belongs to the last window.
    const index = Math.min(Math.floor(offset / this.#windowSize), this.#windows.length - 1);
    const within = offset - index * this.#windowSize;
    const window = this.#windows[index] as Uint8Array;
    if (window.length === 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the buffer that shows this memory was transferred away');
    }
    if (within + length > window.length) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at ${offset} lie across two windows of ${this.#windowSize} bytes each: use read and write`,
      );
    }
    return window.subarray(within, within + length);
  }

  /**
   * Takes pages back from the guest, as a balloon does: they go to the host at once, and read zero from then on, for the guest, for this
   * thread and for every Worker that shares the memory. The next touch takes new pages from the host. Of the memory of `GuestMemfd.map`
   * the file loses the pages, whichever mapping and whichever slot shows them.
   *
   * @param offset bytes from the start of the memory, whole pages.
   * @param length bytes, whole pages; all that follow.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for what is not whole pages, or leaves the memory.
   */
  discard(offset = 0, length?: number): void {
    const size = this.#check(offset, length);
    wholePages(offset, 'the offset of what is discarded');
    wholePages(size, 'the length of what is discarded');
    const backend = this.#backend;
    for (let done = 0; done < size; ) {
      const window = this.#windows[Math.floor((offset + done) / this.#windowSize)] as Uint8Array;
      const within = (offset + done) % this.#windowSize;
      const part = Math.min(this.#windowSize - within, size - done);
      const address = backend.address(this.bytes(offset + done, part));
      const isFile = !isSharedArrayBuffer(window.buffer);
      systemCall('discarding guest memory', (isFile ? backend.remove : backend.discard)(address, part));
      done += part;
    }
  }

  /** Copies bytes out, from any `offset`. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    const copy = allocateBytes(length);
    this.#copyOut(offset, copy);
    return copy;
  }

  /** Copies bytes out, from any `offset`, as many as `into` has room for. */
  readInto(offset: number, into: Uint8Array): void {
    if (!isUint8Array(into)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what guest memory is read into must be a Uint8Array');
    }
    const { length } = into;
    this.#check(offset, length);
    const window = this.#only(length);
    if (window === undefined) this.#copyOut(offset, into);
    else into.set(new Uint8Array(window.buffer, window.byteOffset + offset, length));
  }

  #copyOut(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const { window, within } = this.#place(offset + done, into.length - done);
      const length = Math.min(window.length - within, into.length - done);
      copyBytes(done === 0 ? into : into.subarray(done), window.subarray(within, within + length));
      done += length;
    }
  }

  /** Copies bytes in, to any `offset`: all of them or, when they do not fit, none. */
  write(offset: number, source: Uint8Array): void {
    if (!isUint8Array(source)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what is written to guest memory must be a Uint8Array');
    }
    const size = source.length;
    this.#check(offset, size);
    const window = this.#only(size);
    if (window === undefined) this.#copyIn(offset, source);
    else window.set(source, offset);
  }

  #copyIn(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const { window, within } = this.#place(offset + done, bytes.length - done);
      const length = Math.min(window.length - within, bytes.length - done);
      const part = length === bytes.length ? bytes : bytes.subarray(done, done + length);
      copyBytes(window.subarray(within, within + length), part);
      done += length;
    }
  }

  /** The whole memory, where it is one window and so few bytes are copied that it does not matter how the others lie. */
  #only(length: number): Uint8Array | undefined {
    if (this.#windows.length > 1 || length === 0 || length >= chunk) return undefined;
    return this.#windowFor(0, length);
  }

  /** The window that has a byte, for a copy of so many, and where in it. */
  #place(offset: number, length: number): { window: Uint8Array; within: number } {
    const index = Math.floor(offset / this.#windowSize);
    return { window: this.#windowFor(index, length), within: offset - index * this.#windowSize };
  }

  /**
   * A window for a copy: unshared, but for the first few bytes. Another view of so much memory has the engine look for garbage, for some
   * milliseconds: longer than a VM takes to start.
   */
  #windowFor(index: number, length: number): Uint8Array {
    const known = this.#unsharedWindows[index];
    if (known !== undefined) return known;
    this.#copied += length;
    return this.#copied <= few ? (this.#windows[index] as Uint8Array) : this.#unshared(index);
  }

  /**
   * A window as a buffer that the engine does not know to be shared: it copies one that is word by word, and any other as fast as the
   * processor can. Only copies use it, and it lives no longer than the window.
   */
  #unshared(index: number): Uint8Array {
    const window = this.#windows[index] as Uint8Array;
    const backend = this.#backend;
    const unshared = new Uint8Array(backend.view(backend.address(window), window.length));
    this.#unsharedWindows[index] = unshared;
    return unshared;
  }

  /** Gives the length: without one, all that follows the offset. */
  #check(offset: number, wanted?: number): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this GuestMemory is closed');
    integer(offset, 0, this.#size, 'an offset into guest memory');
    const length = integer(wanted ?? this.#size - offset, 0, Number.MAX_SAFE_INTEGER, 'a length in guest memory');
    if (offset + length > this.#size) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${length} bytes at offset ${offset} leave the guest memory, which has ${this.#size}`,
      );
    }
    return length;
  }
}

/** The parts of a memory, none of which is longer than `limit`. */
function windowsOf(size: number, limit: number, make: (offset: number, length: number) => Uint8Array): Uint8Array[] {
  const windows: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += limit) windows.push(make(offset, Math.min(limit, size - offset)));
  return windows;
}

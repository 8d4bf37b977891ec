import { constants as bufferLimits } from 'node:buffer';
import { totalmem } from 'node:os';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../errors/system-call.js';
import { boolean, given, integer, u64 } from '../struct/check.js';
import { copyBytes } from './copy.js';
import { pageSize } from './page-size.js';

/** What `kvm.allocateMemory` takes. */
export interface MemoryOptions {
  /** Bytes, a multiple of `pageSize`. */
  size: number;
  /**
   * Asks the host for huge pages, which it may give unasked only where transparent huge pages are set to "always"; false. The
   * memory then begins on a boundary of 2 MiB, and so should the guest-physical address. A first touch takes 2 MiB at once.
   */
  hugePages?: boolean;
}

/** A `GuestMemory` as `postMessage` carries it: `GuestMemory.from` makes one of it in another Worker, of the same pages. */
export interface SharedGuestMemory {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  /** The backend it was made with, which loads in the other thread because it loaded in this one. */
  readonly backend: BackendName;
}

type Windows = Omit<SharedGuestMemory, 'backend'>;

/** Bytes of a huge page, which begins at a multiple of them. */
const hugePageSize = 2 ** 21;

/**
 * The longest buffer to ask the runtime for, less what alignment may cost: a shared buffer starts where the allocator puts it, and
 * the kernel takes whole pages only. Newer runtimes name a limit they do not keep; 8 GiB they all give.
 */
const windowLimit = Math.floor(Math.min(bufferLimits.MAX_LENGTH, 2 ** 33) / hugePageSize - 1) * hugePageSize;

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
  readonly #backend: Backend;
  /** The windows once more, as `#unshared` gives them. */
  readonly #unsharedWindows: (Uint8Array | undefined)[] = [];
  /** Gives the pages back at once; only where no other thread can have them. */
  #discard: (() => void) | undefined;
  /** One for itself until it is closed, and one for each slot that has it. */
  #users = 1;
  #closed = false;

  private constructor(backend: Backend, { size, windowSize, windows }: Windows, discard?: () => void) {
    this.#backend = backend;
    this.size = size;
    this.windowSize = windowSize;
    this.#windows = windows;
    this.#discard = discard;
  }

  /** @internal `kvm.allocateMemory`; `limit` is a parameter so that tests can have windows without gigabytes. */
  static allocate(backend: Backend, options: MemoryOptions, limit: number = windowLimit): GuestMemory {
    const { size, hugePages = false } = given(options, 'the options of allocateMemory');
    memorySize(size, 'the size of guest memory');
    const alignment = boolean(hugePages, 'hugePages') ? hugePageSize : pageSize;
    const windows = windowsOf(size, limit, (_, length) => allocatePages(backend, length, alignment));
    for (const window of hugePages ? windows : []) {
      systemCall('asking for huge pages', backend.hugePages(backend.address(window), window.length));
    }
    return new GuestMemory(backend, { size, windowSize: Math.min(size, limit), windows }, () => {
      for (const window of windows) backend.discard(backend.address(window), window.length);
    });
  }

  /**
   * @internal A file's pages, which are mapped until `end` is called. They belong to one thread: a view of what is mapped is no
   * shared buffer.
   */
  static mapped(backend: Backend, address: number, size: number, end: () => void): GuestMemory {
    const windows = windowsOf(size, windowLimit, (offset, length) => {
      return new Uint8Array(backend.view(address + offset, length));
    });
    return new GuestMemory(backend, { size, windowSize: Math.min(size, windowLimit), windows }, end);
  }

  /** The same memory, in the Worker that was sent what `share` gave. */
  static from(shared: SharedGuestMemory): GuestMemory {
    const { size, windowSize, windows, backend } = (shared ?? {}) as Partial<SharedGuestMemory>;
    const parts = Array.isArray(windows) ? (windows as readonly Uint8Array[]) : [];
    const fits = parts.every(
      (part, i) =>
        part instanceof Uint8Array &&
        part.buffer instanceof SharedArrayBuffer &&
        (i === parts.length - 1 || part.length === windowSize),
    );
    const total = fits ? parts.reduce((sum, part) => sum + part.length, 0) : 0;
    const known = backendNames.includes(backend as BackendName);
    if (
      !fits ||
      !known ||
      total === 0 ||
      total !== size ||
      windowSize === undefined ||
      (parts[0]?.length ?? 0) > windowSize
    ) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not what GuestMemory.share gave');
    }
    return new GuestMemory(selectBackend(backend), { size, windowSize, windows: [...parts] });
  }

  /**
   * What to send to another Worker with `postMessage`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the pages of a `GuestMemfd`, which only their thread sees.
   */
  share(): SharedGuestMemory {
    this.#check(0, 0);
    if (!this.#windows.every(({ buffer }) => buffer instanceof SharedArrayBuffer)) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        'memory that is mapped from a file cannot be sent to another Worker',
      );
    }
    GuestMemory.keep(this);
    const { size, windowSize } = this;
    return { size, windowSize, windows: [...this.#windows], backend: this.#backend.name };
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

  /** @internal Other threads may use the pages after this object's end. */
  static keep(memory: GuestMemory): void {
    memory.#discard = undefined;
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
    return this.#view(offset, wanted);
  }

  /** @internal The same, of this class's own making: the kernel will use the pages. */
  static pagesOf(memory: GuestMemory, offset: number, size?: number): Uint8Array {
    return memory.#view(offset, size);
  }

  #view(offset: number, wanted?: number): Uint8Array {
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
    const copy = allocateBytes(length);
    this.#copyOut(offset, copy);
    return copy;
  }

  /** Copies bytes out, from any `offset`, as many as `into` has room for. */
  readInto(offset: number, into: Uint8Array): void {
    if (!(into instanceof Uint8Array)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what guest memory is read into must be a Uint8Array');
    }
    this.#check(offset, into.length);
    this.#copyOut(offset, into);
  }

  #copyOut(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const { window, within } = this.#place(offset + done);
      const length = Math.min(window.length - within, into.length - done);
      copyBytes(done === 0 ? into : into.subarray(done), window.subarray(within, within + length));
      done += length;
    }
  }

  /** Copies bytes in, to any `offset`: all of them or, when they do not fit, none. */
  write(offset: number, source: Uint8Array): void {
    if (!(source instanceof Uint8Array)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'what is written to guest memory must be a Uint8Array');
    }
    this.#check(offset, source.length);
    for (let done = 0; done < source.length; ) {
      const { window, within } = this.#place(offset + done);
      const length = Math.min(window.length - within, source.length - done);
      const part = length === source.length ? source : source.subarray(done, done + length);
      copyBytes(window.subarray(within, within + length), part);
      done += length;
    }
  }

  /** The window that has a byte, unshared, and where in it. */
  #place(offset: number): { window: Uint8Array; within: number } {
    const index = Math.floor(offset / this.windowSize);
    return { window: this.#unshared(index), within: offset - index * this.windowSize };
  }

  /**
   * A window as a buffer that the engine does not know to be shared: it copies one that is word by word, and any other as fast as the
   * processor can. Only copies use it, and it lives no longer than the window.
   */
  #unshared(index: number): Uint8Array {
    const known = this.#unsharedWindows[index];
    if (known !== undefined) return known;
    const window = this.#windows[index] as Uint8Array;
    const backend = this.#backend;
    const unshared =
      window.buffer instanceof SharedArrayBuffer
        ? new Uint8Array(backend.view(backend.address(window), window.length))
        : window;
    this.#unsharedWindows[index] = unshared;
    return unshared;
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

export function wholePages(value: number, what: string): void {
  if (value % pageSize !== 0) throw notWholePages(what, value);
}

/** The same for what is 64 bits wide, as the guest's addresses are. */
export function wholePages64(value: bigint, what: string): bigint {
  if (u64(value, what) % BigInt(pageSize) !== 0n) throw notWholePages(what, value);
  return value;
}

function notWholePages(what: string, value: number | bigint): KvmError {
  return new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be whole pages of ${pageSize} bytes, not ${value}`);
}

/** @internal A size that memory can have: whole pages, and no more than the machine's. */
export function memorySize(size: number, what: string): number {
  integer(size, pageSize, Math.floor(totalmem() / pageSize) * pageSize, `${what}, in bytes,`);
  wholePages(size, what);
  return size;
}

/** The parts of a memory, none of which is longer than `limit`. */
function windowsOf(size: number, limit: number, make: (offset: number, length: number) => Uint8Array): Uint8Array[] {
  const windows: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += limit) windows.push(make(offset, Math.min(limit, size - offset)));
  return windows;
}

/** Bytes of this process, as many as the runtime can give. */
function allocateBytes(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `a copy of ${length} bytes is more than there is room for`, { cause });
  }
}

/** Zeroed, aligned, shared bytes: as many as asked for, out of a buffer that has room to move them in. */
function allocatePages(backend: Backend, length: number, alignment: number): Uint8Array {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(length + alignment);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host cannot give ${length} bytes of guest memory`, { cause });
  }
  const misaligned = backend.address(new Uint8Array(buffer)) % alignment;
  return new Uint8Array(buffer, misaligned === 0 ? 0 : alignment - misaligned, length);
}

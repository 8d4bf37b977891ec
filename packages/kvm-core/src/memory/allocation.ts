import { constants as bufferLimits } from 'node:buffer';
import { freemem } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { boolean } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { mapFile } from './memory-file.js';
import { pageSize } from './page-size.js';
import { allocatePages } from './pages.js';
import { memorySize } from './sizes.js';
import { type Backing, Windows } from './windows.js';

/** Options of `kvm.allocateMemory`. */
export interface MemoryOptions {
  /** The size in bytes, a multiple of `pageSize`. */
  size: number;
  /**
   * Asks the host for huge pages; default false. Without it, the host may use them only if transparent huge pages are
   * set to "always". A first access takes 2 MiB at once then.
   */
  hugePages?: boolean;
  /**
   * Takes all pages from the host at once, and throws if the host has too few; default false. Without it, a page is
   * taken on its first access: a guest may have more memory than the host, and the process may be killed if the host
   * runs out of memory.
   */
  reserve?: boolean;
  /**
   * The path of a file whose pages the memory is (`MAP_SHARED`), so that other processes can map it, too. A file in
   * /dev/shm is memory, one in a hugetlbfs is huge pages. It is made if there is none. If it is empty, it gets the size
   * of the memory; otherwise it must have that size, and keeps its content. No one may shorten it while it is used: an
   * access beyond its end ends the process (SIGBUS).
   */
  file?: string;
  /**
   * Maps the file copy-on-write (`MAP_PRIVATE`); default false. The memory begins with the content of the file, which
   * must exist, is only read, and must not change meanwhile. What is written stays in this process. All memories of one
   * file share the pages that they have not written: a fork of a guest costs no copy of its memory.
   */
  copyOnWrite?: boolean;
}

/** The size of a huge page in bytes, and its alignment. */
const hugePageSize = 2 ** 21;

/**
 * The longest window in bytes: the runtime's longest buffer, minus room for alignment, because a shared buffer may
 * start anywhere and the kernel takes only whole pages. The limit that newer runtimes report is too high; all give
 * 8 GiB.
 */
export const windowLimit = Math.floor(Math.min(bufferLimits.MAX_LENGTH, 2 ** 33) / hugePageSize - 1) * hugePageSize;

/**
 * libc gives a buffer of this many bytes, or more, a mapping of its own, and unmaps it when the buffer is freed. In a
 * smaller one the pages of a file would become part of the heap.
 */
const ownMapping = 33 * 2 ** 20;

/** Replaces windows of a file by blank pages when their buffer is unreachable and was not closed. */
const unreachable = new FinalizationRegistry<{ backend: Backend; address: number; length: number }>(
  ({ backend, address, length }) => backend.blank(address, length),
);

/** Windows of pages, and the function that returns the pages to the host. */
export interface Allocation {
  readonly windows: Windows;
  readonly discard: () => void;
}

/** Allocates pages that can be shared with other Workers. */
export function allocateWindows(backend: Backend, options: MemoryOptions, limit: number): Allocation {
  const {
    size,
    hugePages = false,
    reserve = false,
    file,
    copyOnWrite = false,
  } = optionsOf(options, 'the options of allocateMemory', ['size', 'hugePages', 'reserve', 'file', 'copyOnWrite']);
  memorySize(size, 'the size of guest memory');
  if (boolean(reserve, 'reserve') && size > freemem()) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `cannot reserve ${size} bytes of memory: ${freemem()} are free`);
  }
  boolean(hugePages, 'hugePages');
  if (boolean(copyOnWrite, 'copyOnWrite') && file === undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'copyOnWrite needs a file');
  }
  // KVM maps a huge page only where it is one in the guest's address space, too: both start on its boundary.
  const alignment = size >= hugePageSize ? hugePageSize : pageSize;
  const atLeast = file === undefined ? 0 : ownMapping;
  const parts = partsOf(size, limit, (_, length) => allocatePages(backend, length, alignment, atLeast));
  if (file !== undefined) mapFile(backend, file, size, parts, copyOnWrite);
  for (const part of hugePages ? parts : []) {
    systemCall('asking for huge pages', backend.hugePages(backend.address(part), part.length));
  }
  if (reserve) for (const part of parts) for (let i = 0; i < part.length; i += pageSize) Atomics.add(part, i, 0);
  return {
    windows: new Windows(backend, {
      size,
      windowSize: Math.min(size, limit),
      windows: parts,
      backing: backingOf(file, copyOnWrite),
    }),
    discard: () => {
      // A file keeps its content.
      const give = file === undefined ? backend.discard : backend.blank;
      for (const part of parts) give(backend.address(part), part.length);
    },
  };
}

function backingOf(file: string | undefined, copyOnWrite: boolean): Backing {
  if (file === undefined) return 'anonymous';
  return copyOnWrite ? 'private' : 'shared';
}

/**
 * The mapped pages of a file. They belong to one thread, because the view of a mapping is not a shared buffer. The
 * mapping is replaced by blank pages when it is discarded, or when its views are unreachable.
 */
export function mappedWindows(backend: Backend, address: number, size: number): Allocation {
  const viewOf = (offset: number, length: number): Uint8Array => new Uint8Array(backend.view(address + offset, length));
  const parts = partsOf(size, windowLimit, viewOf);
  parts.forEach(({ buffer, length }, i) => {
    // Not a closure, which would keep the windows alive.
    unreachable.register(buffer, { backend, address: address + i * windowLimit, length }, parts);
  });
  // Copies need separate windows: a program can transfer the buffers of views.
  const own = partsOf(size, windowLimit, viewOf);
  return {
    windows: new Windows(
      backend,
      { size, windowSize: Math.min(size, windowLimit), windows: parts, backing: 'shared' },
      own,
    ),
    discard: () => {
      unreachable.unregister(parts);
      backend.blank(address, size);
    },
  };
}

/** The parts of a memory, each at most `limit` bytes long. */
function partsOf(size: number, limit: number, make: (offset: number, length: number) => Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += limit) parts.push(make(offset, Math.min(limit, size - offset)));
  return parts;
}

import { constants as bufferLimits } from 'node:buffer';
import { freemem } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { boolean } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { pageSize } from './page-size.js';
import { allocatePages } from './pages.js';
import { memorySize } from './sizes.js';
import { Windows } from './windows.js';

/** What `kvm.allocateMemory` takes. */
export interface MemoryOptions {
  /** Bytes, a multiple of `pageSize`. */
  size: number;
  /**
   * Asks the host for huge pages, which it may give unasked only where transparent huge pages are set to "always";
   * false. The memory then begins on a boundary of 2 MiB, and so should the guest-physical address. A first touch takes
   * 2 MiB at once.
   */
  hugePages?: boolean;
  /**
   * Takes all pages from the host now, and refuses the memory where the host has too few; false. Without it a page is
   * taken when it is first touched: a guest may have more memory than the host, and is killed, as any process, where
   * the host runs out of it.
   */
  reserve?: boolean;
}

/** Bytes of a huge page, which begins at a multiple of them. */
const hugePageSize = 2 ** 21;

/**
 * The longest buffer to ask the runtime for, less what alignment may cost: a shared buffer starts where the allocator
 * puts it, and the kernel takes whole pages only. Newer runtimes name a limit they do not keep; 8 GiB they all give.
 */
export const windowLimit = Math.floor(Math.min(bufferLimits.MAX_LENGTH, 2 ** 33) / hugePageSize - 1) * hugePageSize;

/** Blanks windows of a file that nobody closed, once nobody can reach the buffer that shows them. */
const unreachable = new FinalizationRegistry<{ backend: Backend; address: number; length: number }>(
  ({ backend, address, length }) => backend.blank(address, length),
);

/** Windows of pages, and what gives the pages back to the host. */
export interface Allocation {
  readonly windows: Windows;
  readonly discard: () => void;
}

/** New pages that every Worker can see. */
export function allocateWindows(backend: Backend, options: MemoryOptions, limit: number): Allocation {
  const {
    size,
    hugePages = false,
    reserve = false,
  } = optionsOf(options, 'the options of allocateMemory', ['size', 'hugePages', 'reserve']);
  memorySize(size, 'the size of guest memory');
  if (boolean(reserve, 'reserve') && size > freemem()) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host has no ${size} bytes of memory to reserve, but ${freemem()}`);
  }
  const alignment = boolean(hugePages, 'hugePages') ? hugePageSize : pageSize;
  const parts = partsOf(size, limit, (_, length) => allocatePages(backend, length, alignment));
  for (const part of hugePages ? parts : []) {
    systemCall('asking for huge pages', backend.hugePages(backend.address(part), part.length));
  }
  if (reserve) for (const part of parts) for (let i = 0; i < part.length; i += pageSize) part[i] = 0;
  return {
    windows: new Windows(backend, { size, windowSize: Math.min(size, limit), windows: parts }),
    discard: () => {
      for (const part of parts) backend.discard(backend.address(part), part.length);
    },
  };
}

/**
 * A file's pages, which are mapped. They belong to one thread: a view of what is mapped is no shared buffer. The
 * mapping becomes blank pages when it is discarded, or nobody can reach a view of it.
 */
export function mappedWindows(backend: Backend, address: number, size: number): Allocation {
  const viewOf = (offset: number, length: number): Uint8Array => new Uint8Array(backend.view(address + offset, length));
  const parts = partsOf(size, windowLimit, viewOf);
  parts.forEach(({ buffer, length }, i) => {
    // No function: it would keep what it is made beside, the windows among it.
    unreachable.register(buffer, { backend, address: address + i * windowLimit, length }, parts);
  });
  // Copies need windows of their own: the buffers that views show can be transferred away.
  const own = partsOf(size, windowLimit, viewOf);
  return {
    windows: new Windows(backend, { size, windowSize: Math.min(size, windowLimit), windows: parts }, own),
    discard: () => {
      unreachable.unregister(parts);
      backend.blank(address, size);
    },
  };
}

/** The parts of a memory, none of which is longer than `limit`. */
function partsOf(size: number, limit: number, make: (offset: number, length: number) => Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += limit) parts.push(make(offset, Math.min(limit, size - offset)));
  return parts;
}

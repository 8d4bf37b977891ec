import { constants as flags, fstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { Backend } from '@kvm/core/backend';
import type { Base, Keep } from './base.js';
import type { OverlayOrder } from './disk.js';
import type { FileOrder } from './file-storage.js';
import { memoryFile } from './memory-file.js';
import { formatOverlay, layoutFor, readOverlay } from './overlay-format.js';
import { refuse } from './refuse.js';

const { EAGAIN } = constants.errno;

/** Opens an overlay over a base: in a file, or without a path in memory. */
export function openOverlay(base: Base, path: string | undefined, keep: Keep, backend: Backend): OverlayOrder {
  const { bitmap, clustersStart, clusterSize, bitmapStart, fd } =
    path === undefined ? overlayInMemory(base, keep, backend) : overlayInFile(base, path, keep, backend);
  const isVolatile = path === undefined;
  const { size } = base;
  const top: FileOrder = {
    kind: 'file',
    fd,
    start: clustersStart,
    size,
    isReadOnly: false,
    blockSize: clusterSize,
    isVolatile,
  };
  return {
    kind: 'overlay',
    base: base.order,
    top,
    clusterSize,
    bitmap,
    bitmapStart: isVolatile ? undefined : bitmapStart,
  };
}

type Opened = ReturnType<typeof layoutFor> & { fd: number; bitmap: Uint8Array };

function overlayInMemory({ size }: Base, keep: Keep, backend: Backend): Opened {
  const layout = layoutFor(size);
  const fd = keep(memoryFile(layout.fileSize, backend));
  return { ...layout, fd, bitmap: new Uint8Array(layout.bitmapSize) };
}

function overlayInFile(base: Base, path: string, keep: Keep, backend: Backend): Opened {
  const fd = keep(openSync(path, flags.O_RDWR | flags.O_CREAT | flags.O_NONBLOCK, 0o644));
  const stats = fstatSync(fd);
  if (!stats.isFile()) throw refuse(`the overlay ${path} is no file`, 'name a file, or one that does not exist yet');
  if (backend.lock(fd, true) === -EAGAIN) {
    throw refuse(`the overlay ${path} is in use by another machine`, 'stop it, or give this machine another overlay');
  }
  if (stats.size > 0) return { fd, ...readOverlay(fd, base, path) };
  const layout = formatOverlay(fd, base);
  return { ...layout, fd, bitmap: new Uint8Array(layout.bitmapSize) };
}

import {
  type BigIntStats,
  closeSync,
  constants as flags,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { constants } from 'node:os';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { OverlayOrder, StorageOrder } from './disk.js';
import type { DiskOptions } from './disk-options.js';
import type { FileOrder } from './file-storage.js';
import { foreignDisk } from './foreign-disk.js';
import { formatOverlay, layoutFor, type OverlayBase, readOverlay } from './overlay-format.js';
import { sectorSize } from './storage.js';

/** An open disk. Its descriptors belong to this object. */
export interface OpenDisk {
  readonly order: StorageOrder;
  readonly size: number;
  readonly serial: string;
  /** Closes the descriptors. A second call does nothing. */
  close(): void;
}

const { EACCES, EAGAIN, ENOENT, EPERM, EROFS } = constants.errno;

/** Regular files have pages of this size, in bytes. */
const pageSize = 4096;

/**
 * Opens a disk and locks it: for one machine that writes, or for several that read.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what is no disk, or may not be used; the message says what to do.
 */
export function openDisk({ path, readOnly, overlay, serial }: Required<DiskOptions>, backend: Backend): OpenDisk {
  const opened: number[] = [];
  const close = (): void => {
    for (const fd of opened.splice(0)) closeSync(fd);
  };
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const hasOverlay = overlay !== false;
    const base = openFile(path, readOnly || hasOverlay, keep, backend);
    const order = hasOverlay ? openOverlay(base, overlay === true ? undefined : overlay, keep, backend) : base.order;
    return { order, size: base.size, serial, close };
  } catch (error) {
    close();
    throw error;
  }
}

interface Base extends OverlayBase {
  readonly order: StorageOrder;
}

function openFile(path: string, isReadOnly: boolean, keep: (fd: number) => number, backend: Backend): Base {
  const fd = keep(openPath(path, isReadOnly));
  const stats = fstatSync(fd, { bigint: true });
  if (stats.isDirectory()) throw refuse(`the disk ${path} is a directory`, 'a disk is a file or a block device');
  if (!stats.isFile() && !stats.isBlockDevice()) {
    throw refuse(`the disk ${path} is neither a file nor a block device`, 'a disk is a raw image or a block device');
  }
  if (backend.lock(fd, !isReadOnly) === -EAGAIN) {
    throw refuse(`the disk ${path} is in use by another machine`, 'stop it, or give each machine an overlay');
  }
  const size = sizeOf(stats);
  if (size === 0) throw refuse(`the disk ${path} is empty`, `make it as large as you need: truncate -s 10G ${path}`);
  const format = foreignDisk(headOf(fd));
  if (format !== undefined) {
    throw refuse(
      `the disk ${path} is ${format}, not a raw image`,
      `convert it: qemu-img convert -O raw ${path} disk.img`,
    );
  }
  if (size % sectorSize !== 0) {
    throw refuse(
      `the disk ${path} has ${size} bytes, which are not whole sectors of ${sectorSize}`,
      `if it is a raw image, make it longer: truncate -s %${sectorSize} ${path}`,
    );
  }
  const order: FileOrder = { kind: 'file', fd, start: 0, size, isReadOnly, blockSize: pageSize, isVolatile: false };
  return { order, size, identity: stats.isFile() ? `of ${stats.mtime.toISOString()} (${stats.mtimeNs})` : 'a device' };
}

function openPath(path: string, isReadOnly: boolean): number {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its other side.
    return openSync(path, (isReadOnly ? flags.O_RDONLY : flags.O_RDWR) | flags.O_NONBLOCK);
  } catch (cause) {
    const { errno = 0, message } = cause as NodeJS.ErrnoException;
    const hints: Record<number, string> = {
      [ENOENT]: `make one: truncate -s 10G ${path}`,
      [EROFS]: 'its file system is read-only: open the disk read-only, or with an overlay',
      [EACCES]: 'change its permissions; if you may read it, open the disk read-only, or with an overlay',
      [EPERM]: 'it cannot be changed: open the disk read-only, or with an overlay',
    };
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the disk ${path} cannot be opened: ${message.split(',')[0]}`, {
      hint: hints[-errno],
      cause,
    });
  }
}

function sizeOf(stats: BigIntStats): number {
  if (stats.isFile()) return Number(stats.size);
  const [major, minor] = [deviceMajor(stats.rdev), deviceMinor(stats.rdev)];
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * sectorSize;
}

/** Linux's encoding of the number of a device. */
function deviceMajor(device: bigint): bigint {
  return ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n);
}

function deviceMinor(device: bigint): bigint {
  return (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n);
}

function headOf(fd: number): Buffer {
  const head = Buffer.alloc(sectorSize);
  return head.subarray(0, readSync(fd, head, 0, head.length, 0));
}

function openOverlay(
  base: Base,
  path: string | undefined,
  keep: (fd: number) => number,
  backend: Backend,
): OverlayOrder {
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

function overlayInMemory({ size }: Base, keep: (fd: number) => number, backend: Backend): Opened {
  const fd = backend.memoryFile();
  if (fd < 0) throw new KvmError('ERR_KVM_SYSCALL', 'memfd_create for an overlay', { errno: -fd });
  keep(fd);
  const layout = layoutFor(size);
  ftruncateSync(fd, layout.fileSize);
  return { ...layout, fd, bitmap: new Uint8Array(layout.bitmapSize) };
}

function overlayInFile(base: Base, path: string, keep: (fd: number) => number, backend: Backend): Opened {
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

function refuse(message: string, hint: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { hint });
}

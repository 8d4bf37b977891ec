import { type BigIntStats, constants as flags, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { Base, Keep } from './base.js';
import type { FileOrder } from './file-storage.js';
import { foreignDisk } from './foreign-disk.js';
import { refuse } from './refuse.js';
import { sectorSize } from './storage.js';

const { EACCES, EAGAIN, EISDIR, ENOENT, EPERM, EROFS } = constants.errno;

/** Regular files have pages of this size, in bytes. */
const pageSize = 4096;

/** Opens a raw image or a block device, and locks it. */
export function openFile(path: string, isReadOnly: boolean, keep: Keep, backend: Backend): Base {
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
  const identity = stats.isFile() ? `of ${stats.mtime.toISOString()} (${stats.mtimeNs})` : 'a device';
  return { order, size, identity, isReadOnly, blockSize: pageSize };
}

function openPath(path: string, isReadOnly: boolean): number {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its other side.
    return openSync(path, (isReadOnly ? flags.O_RDONLY : flags.O_RDWR) | flags.O_NONBLOCK);
  } catch (cause) {
    const { errno = 0, message } = cause as NodeJS.ErrnoException;
    const hints: Record<number, string> = {
      [ENOENT]: `make one: truncate -s 10G ${path}`,
      [EISDIR]: 'a disk is a file or a block device',
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

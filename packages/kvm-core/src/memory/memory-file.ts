import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';

/**
 * Replaces the pages of a memory by those of a file. It is made if there is none, unless writes are to stay private.
 *
 * @param parts the windows of the memory, in order.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that cannot be used, `ERR_KVM_OUT_OF_RANGE` for one of another
 *   size, `ERR_KVM_SYSCALL` if it cannot be mapped.
 */
export function mapFile(
  backend: Backend,
  path: string,
  size: number,
  parts: readonly Uint8Array[],
  isPrivate: boolean,
): void {
  const fd = open(path, isPrivate);
  try {
    checkSize(fd, path, size, isPrivate);
    let offset = 0;
    for (const part of parts) {
      systemCall(`mapping ${path}`, backend.mapOver(fd, backend.address(part), part.length, offset, isPrivate));
      offset += part.length;
    }
  } finally {
    closeSync(fd);
  }
}

function open(path: unknown, isPrivate: boolean): number {
  if (typeof path !== 'string' || path === '') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the file of guest memory must be a path');
  }
  try {
    const flags = isPrivate ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
    // It has what the guest knows: for this user only.
    return openSync(path, flags | constants.O_NONBLOCK, 0o600);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** Gives an empty file that others are to see the size of the memory. */
function checkSize(fd: number, path: string, size: number, isPrivate: boolean): void {
  const stat = fstatSync(fd);
  if (!stat.isFile())
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} cannot be guest memory: it is no regular file`);
  if (stat.size === size) return;
  if (stat.size !== 0 || isPrivate) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${path} has ${stat.size} bytes, and the guest's memory ${size}`, {
      hint: isPrivate ? 'it must have the size of the memory' : 'it must be empty, or have the size of the memory',
    });
  }
  try {
    ftruncateSync(fd, size);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} cannot be guest memory: ${(cause as Error).message}`, {
    cause,
  });
}

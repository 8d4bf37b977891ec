import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';

/**
 * Replaces the pages of a memory by those of a file, which is made if there is none.
 *
 * @param parts the windows of the memory, in order.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that cannot be used, `ERR_KVM_OUT_OF_RANGE` for one of another
 *   size, `ERR_KVM_SYSCALL` if it cannot be mapped.
 */
export function mapFile(backend: Backend, path: string, size: number, parts: readonly Uint8Array[]): void {
  const fd = open(path);
  try {
    giveSize(fd, path, size);
    let offset = 0;
    for (const part of parts) {
      systemCall(`mapping ${path}`, backend.mapOver(fd, backend.address(part), part.length, offset));
      offset += part.length;
    }
  } finally {
    closeSync(fd);
  }
}

function open(path: unknown): number {
  if (typeof path !== 'string' || path === '') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the file of guest memory must be a path');
  }
  try {
    // It has what the guest knows: for this user only.
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o600);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function giveSize(fd: number, path: string, size: number): void {
  const stat = fstatSync(fd);
  if (!stat.isFile())
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} cannot be guest memory: it is no regular file`);
  if (stat.size === size) return;
  if (stat.size !== 0) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${path} has ${stat.size} bytes, and the guest's memory ${size}`, {
      hint: 'it must be empty, or have the size of the memory',
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

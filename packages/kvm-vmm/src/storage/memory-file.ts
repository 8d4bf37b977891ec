import { ftruncateSync } from 'node:fs';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';

/** A descriptor of a file in memory, which takes memory for what is written to it only. */
export function memoryFile(size: number, backend: Backend): number {
  const fd = backend.memoryFile();
  if (fd < 0) throw new KvmError('ERR_KVM_SYSCALL', 'memfd_create for a disk', { errno: -fd });
  ftruncateSync(fd, size);
  return fd;
}

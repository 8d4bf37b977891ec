import { KvmError, pageSize } from '@kvm/core';
import { sizeInBytes } from '../../machine/size.js';

/**
 * Bytes of whole pages.
 *
 * @throws KvmError for what is no size, and for a balloon that would have all memory.
 */
export function targetOf(size: number | string, memorySize: number, name: string): number {
  const bytes = Math.floor(sizeInBytes(size) / pageSize) * pageSize;
  if (bytes >= 0 && bytes < memorySize) return bytes;
  const code = Number.isNaN(bytes) ? 'ERR_KVM_INVALID_ARGUMENT' : 'ERR_KVM_OUT_OF_RANGE';
  throw new KvmError(code, `${name} must be less than the memory of the guest, ${memorySize} bytes, not ${size}`);
}

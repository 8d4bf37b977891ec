import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';

/** Allocates the bytes of guest memory, and of copies of it. */

/** Ordinary bytes of this process, for a copy. */
export function allocateBytes(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `cannot allocate ${length} bytes for a copy`, { cause });
  }
}

/**
 * Zeroed, aligned, shared bytes, in a buffer with extra room for the alignment.
 *
 * @param atLeast the least length of the buffer.
 */
export function allocatePages(backend: Backend, length: number, alignment: number, atLeast = 0): Uint8Array {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(Math.max(length, atLeast) + alignment);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host cannot allocate ${length} bytes of guest memory`, { cause });
  }
  const misaligned = backend.address(new Uint8Array(buffer)) % alignment;
  return new Uint8Array(buffer, misaligned === 0 ? 0 : alignment - misaligned, length);
}

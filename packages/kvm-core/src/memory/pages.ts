import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';

/** Where the bytes come from that memory is made of, and copies of it. */

/** Bytes of this process, as many as the runtime can give. */
export function allocateBytes(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `a copy of ${length} bytes is more than there is room for`, { cause });
  }
}

/**
 * glibc asks the kernel for pages of its own where more than 32 MiB are wanted, whatever sizes it has seen before. Of fewer some may come
 * out of its heap, where they are zeroed one by one: all touched, and in memory, before the guest has seen any. What is not touched
 * costs nothing.
 */
const leastOfItsOwn = 33 * 2 ** 20;

/** Zeroed, aligned, shared bytes: as many as asked for, out of a buffer that has room to move them in. */
export function allocatePages(backend: Backend, length: number, alignment: number): Uint8Array {
  const needed = length + alignment;
  // Where addresses are few, what is needed will do.
  const buffer = sharedBuffer(Math.max(needed, leastOfItsOwn)) ?? sharedBuffer(needed);
  if (buffer === undefined) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host cannot give ${length} bytes of guest memory`);
  }
  const misaligned = backend.address(new Uint8Array(buffer)) % alignment;
  return new Uint8Array(buffer, misaligned === 0 ? 0 : alignment - misaligned, length);
}

function sharedBuffer(length: number): SharedArrayBuffer | undefined {
  try {
    return new SharedArrayBuffer(length);
  } catch {
    return undefined;
  }
}

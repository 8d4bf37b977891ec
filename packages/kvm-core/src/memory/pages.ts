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

/** Zeroed, aligned, shared bytes: as many as asked for, out of a buffer that has room to move them in. */
export function allocatePages(backend: Backend, length: number, alignment: number): Uint8Array {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(length + alignment);
  } catch (cause) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the host cannot give ${length} bytes of guest memory`, { cause });
  }
  const misaligned = backend.address(new Uint8Array(buffer)) % alignment;
  return new Uint8Array(buffer, misaligned === 0 ? 0 : alignment - misaligned, length);
}

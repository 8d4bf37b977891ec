import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/** A private view of the bytes of a caller's Uint8Array. */
export function bytesGiven(bytes: unknown, what: string): Uint8Array {
  if (!types.isUint8Array(bytes)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a Uint8Array`);
  return bytesOfView(bytes, what);
}

/** A private view of the bytes of any typed array or DataView. */
export function bytesOfView(view: ArrayBufferView, what: string): Uint8Array {
  try {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  } catch {
    // A detached buffer allows no view, not even an empty one.
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the buffer of ${what} was transferred away`);
  }
}

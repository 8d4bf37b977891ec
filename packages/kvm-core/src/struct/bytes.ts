import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/**
 * A private view of the bytes of a caller's Uint8Array. It uses the true length and type of the array: a program may
 * have replaced its `length` or its prototype.
 */
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
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} were in a buffer that was transferred away`);
  }
}

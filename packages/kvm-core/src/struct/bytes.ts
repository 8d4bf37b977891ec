import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import { bufferOf, lengthOf, offsetOf } from './view.js';

/**
 * The bytes of a Uint8Array that a caller gave, as a view of this package's own: what a caller's array says of itself may be a lie, and
 * its kind too, for neither its `length` nor its prototype has to be what it was made with.
 */
export function bytesGiven(bytes: unknown, what: string): Uint8Array {
  if (!types.isUint8Array(bytes)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a Uint8Array`);
  return bytesOfView(bytes, what);
}

/** The bytes that any typed array or DataView shows, as such a view. */
export function bytesOfView(view: ArrayBufferView, what: string): Uint8Array {
  const buffer = bufferOf(view);
  try {
    return new Uint8Array(buffer, offsetOf(view), lengthOf(view));
  } catch {
    // Of a buffer that is gone nothing can be viewed, not even nothing.
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} lay in a buffer that was transferred away`);
  }
}

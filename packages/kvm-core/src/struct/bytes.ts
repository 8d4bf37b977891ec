import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/** The bytes of a Uint8Array that a caller gave. */
export function bytesGiven(bytes: unknown, what: string): Uint8Array {
  if (!types.isUint8Array(bytes)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a Uint8Array`);
  return bytesOfView(bytes, what);
}

/** The bytes that any typed array or DataView shows. */
export function bytesOfView(view: ArrayBufferView, what: string): Uint8Array {
  try {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  } catch {
    // A detached buffer can have no view, not even an empty one.
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} lay in a buffer that was transferred away`);
  }
}

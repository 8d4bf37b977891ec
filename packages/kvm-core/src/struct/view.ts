import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/**
 * How long a view is and where it begins, as the engine has it. Anybody can give a typed array a `length` of its own that lies, and
 * who believed it would let the kernel write past the end. The getters are taken once, before anybody can have replaced them.
 */

const { apply } = Reflect;
const { isView } = ArrayBuffer;
const { isDataView } = types;

type Get<T> = (this: ArrayBufferView) => T;
type Getters = Readonly<{ byteLength: Get<number>; byteOffset: Get<number>; buffer: Get<ArrayBufferLike> }>;

function gettersOf(prototype: object): Getters {
  const get = (name: string): Get<never> => Object.getOwnPropertyDescriptor(prototype, name)?.get as Get<never>;
  return { byteLength: get('byteLength'), byteOffset: get('byteOffset'), buffer: get('buffer') };
}

const ofTypedArrays = gettersOf(Object.getPrototypeOf(Uint8Array.prototype) as object);
const ofDataViews = gettersOf(DataView.prototype);

/** Bytes that a typed array or a DataView shows; 0 once its buffer has gone elsewhere. */
export function lengthOf(view: ArrayBufferView): number {
  const { byteLength } = gettersFor(view);
  try {
    return apply(byteLength, view, []);
  } catch {
    // Only a DataView's throws, where the buffer is gone.
    return 0;
  }
}

/** The same of what is known to be a Uint8Array, in a few nanoseconds: each call of a struct asks. */
export function lengthOfBytes(bytes: Uint8Array): number {
  return apply(ofTypedArrays.byteLength, bytes, []);
}

/** Where it begins: bytes from the start of its buffer; 0 once that has gone elsewhere. */
export function offsetOf(view: ArrayBufferView): number {
  const { byteOffset } = gettersFor(view);
  try {
    return apply(byteOffset, view, []);
  } catch {
    return 0;
  }
}

/** The buffer that it shows. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return apply(gettersFor(view).buffer, view, []);
}

function gettersFor(view: ArrayBufferView): Getters {
  if (!isView(view)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is no view of a buffer');
  return isDataView(view) ? ofDataViews : ofTypedArrays;
}

/** The same bytes, as a view that nobody has given anything of his own. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  const length = lengthOf(view);
  // Of a buffer that has gone elsewhere there is no view at all.
  return length === 0 ? new Uint8Array() : new Uint8Array(bufferOf(view), offsetOf(view), length);
}

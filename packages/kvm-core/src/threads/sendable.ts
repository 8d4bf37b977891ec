import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { Struct } from '../struct/struct.js';

/**
 * A copy of a value for `postMessage`. A struct becomes a plain object of its fields, and a typed array a copy of the
 * bytes that it shows: structured cloning would send the bytes of the whole run state along. An object of this package
 * that cloning would empty is refused. The elements of a list, a plain object, a Map or a Set are converted, too.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT`
 */
export function sendable(value: unknown, what: string): unknown {
  const whole = plain(value, new Map());
  try {
    return structuredClone(whole);
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a value that postMessage can carry`, { cause });
  }
}

/** @param copies the copies of the objects so far, because an object may contain itself. */
function plain(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = copies.get(value);
  if (before !== undefined) return before;
  const note = <T>(copy: T): T => {
    copies.set(value, copy);
    return copy;
  };
  if (Struct.typeOf(value) !== undefined) return fill(note({}), fieldsOf(value as Struct), value, copies);
  if (ArrayBuffer.isView(value)) return note(shown(value));
  if (Array.isArray(value)) {
    const copy = note<unknown[]>([]);
    for (const each of value) copy.push(plain(each, copies));
    return copy;
  }
  if (types.isMap(value)) {
    const copy = note(new Map());
    for (const [key, each] of value) copy.set(plain(key, copies), plain(each, copies));
    return copy;
  }
  if (types.isSet(value)) {
    const copy = note(new Set());
    for (const each of value) copy.add(plain(each, copies));
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return fill(note({}), Object.keys(value), value, copies);
  refuseEmptied(value);
  return value;
}

function fill(copy: object, names: readonly string[], from: object, copies: Map<object, unknown>): object {
  for (const name of names) {
    const each = plain((from as Record<string, unknown>)[name], copies);
    Object.defineProperty(copy, name, { value: each, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

/** The names of the C fields, and of those that a class adds, such as the data of an exit. */
function fieldsOf(struct: Struct): string[] {
  return Object.keys(struct.toJSON());
}

/** The view without the other bytes of its buffer; shared memory stays shared. */
function shown(view: ArrayBufferView): ArrayBufferView {
  if (types.isSharedArrayBuffer(view.buffer) || types.isDataView(view)) return view;
  return view.byteLength === view.buffer.byteLength ? view : (view as Uint8Array).slice();
}

/** The methods of an object that cannot be sent whose result can be sent instead. */
const offers = ['share', 'transfer', 'toBytes', 'toJSON'];

function refuseEmptied(value: object): void {
  if (types.isAnyArrayBuffer(value) || types.isDate(value)) return;
  const offer = offers.find((name) => typeof (value as Record<string, unknown>)[name] === 'function');
  if (offer === undefined && !(value instanceof KvmFd)) return;
  const name = value.constructor.name;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `a ${name} cannot be sent to another thread as it is`, {
    hint: offer === undefined ? `open another ${name} in that thread` : `send the result of its ${offer}()`,
  });
}

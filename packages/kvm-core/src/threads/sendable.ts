import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { Struct } from '../struct/struct.js';

/**
 * A value as `postMessage` should carry it. A struct becomes a plain object of its fields, and a typed array a copy of what it shows:
 * structured cloning would send the bytes of the whole run state along. An object of this package that cloning would empty is
 * refused. What is in a list, a plain object, a Map or a Set is looked at, too.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT`
 */
export function sendable(value: unknown, what: string): unknown {
  const whole = plain(value, new Map());
  try {
    return structuredClone(whole);
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be what postMessage carries`, { cause });
  }
}

/** @param known what became of the objects seen so far, for an object may lead to itself. */
function plain(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  const note = <T>(copy: T): T => {
    known.set(value, copy);
    return copy;
  };
  if (Struct.typeOf(value) !== undefined) return fill(note({}), fieldsOf(value as Struct), value, known);
  if (ArrayBuffer.isView(value)) return note(shown(value));
  if (Array.isArray(value)) {
    const copy = note<unknown[]>([]);
    for (const each of value) copy.push(plain(each, known));
    return copy;
  }
  if (types.isMap(value)) {
    const copy = note(new Map());
    for (const [key, each] of value) copy.set(plain(key, known), plain(each, known));
    return copy;
  }
  if (types.isSet(value)) {
    const copy = note(new Set());
    for (const each of value) copy.add(plain(each, known));
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return fill(note({}), Object.keys(value), value, known);
  refuseEmptied(value);
  return value;
}

function fill(copy: object, names: readonly string[], from: object, known: Map<object, unknown>): object {
  for (const name of names) {
    const each = plain((from as Record<string, unknown>)[name], known);
    Object.defineProperty(copy, name, { value: each, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

/** Also what a class adds to the fields of C, as the data of an exit. */
function fieldsOf(struct: Struct): string[] {
  return Object.keys(struct.toJSON());
}

/** The bytes that a view shows, without the others of its buffer; shared memory stays shared. */
function shown(view: ArrayBufferView): ArrayBufferView {
  if (types.isSharedArrayBuffer(view.buffer) || types.isDataView(view)) return view;
  return view.byteLength === view.buffer.byteLength ? view : (view as Uint8Array).slice();
}

/** What an object that cannot be sent offers to send in its place. */
const offers = ['share', 'transfer', 'toBytes', 'toJSON'];

function refuseEmptied(value: object): void {
  if (types.isAnyArrayBuffer(value) || types.isDate(value)) return;
  const offer = offers.find((name) => typeof (value as Record<string, unknown>)[name] === 'function');
  if (offer === undefined && !(value instanceof KvmFd)) return;
  const name = value.constructor.name;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `a ${name} cannot be sent to another thread as it is`, {
    hint: offer === undefined ? `open another ${name} in that thread` : `send what its ${offer}() gives`,
  });
}

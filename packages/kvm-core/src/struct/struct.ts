import { types } from 'node:util';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { bytesGiven } from './bytes.js';
import { integer, objectOf } from './check.js';
import { className, custom, hex, type ShowOptions, show, bytes as shownBytes } from './inspect.js';
import { unknownName } from './options.js';
import { gone, StructView } from './struct-view.js';

/** The typed arrays that a C array of integers becomes. */
export type IntegerArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

/**
 * The values for a field of type `T`. A struct has all the fields of its init type, too. It is not a separate member of
 * a union here because editors would then lose the fields' doc comments.
 */
export type FieldInit<T> = T extends Struct
  ? StructInit<T>
  : T extends IntegerArray
    ? T | ArrayLike<T[number]>
    : T extends { readonly [n: number]: infer E; readonly length: number }
      ? ArrayLike<FieldInit<E>>
      : T;

/** The fields of `T`, all optional: a field that is left out is zero, as in a C initialiser. */
export type StructInit<T extends Struct> = {
  // A mapping over `keyof T` itself keeps the fields' doc comments for editors.
  [K in keyof T as Exclude<K, keyof Struct>]?: FieldInit<T[K]>;
};

/** A generated struct class. */
export interface StructType<T extends Struct = Struct> {
  new (source?: StructSource): T;
  readonly prototype: T;
  /** The C tag: "kvm_regs". */
  readonly cName: string;
  /** The size in bytes, without the elements of a flexible array. */
  readonly size: number;
  /** The alignment in bytes. */
  readonly align: number;
  /** The fields, in the order of the C declaration. */
  readonly fields: readonly string[];
}

/** The place of a struct's bytes. A struct without one gets new, zeroed bytes. */
export interface StructSource {
  buffer: ArrayBufferLike;
  byteOffset: number;
  /** The length in bytes, needed only by a struct that ends in a flexible array. */
  byteLength?: number;
}

/** The same shape for all structs: so the number of struct types does not slow a call down. */
interface Own {
  readonly type: StructType;
  /** The size of the type. */
  readonly size: number;
  readonly bytes: Uint8Array;
  /** The address of the bytes; 0 before the first use. */
  address: number;
}

/**
 * A C struct or union as a view over bytes: its fields read and write the bytes directly, without a copy.
 *
 * 64-bit fields are bigint, narrower ones number; nested structs and arrays are views of the same bytes. A setter
 * refuses a value that does not fit its field. The subclasses are generated from the kernel's headers. After the buffer
 * was transferred away, calls refuse the struct, and its fields throw `ERR_KVM_INVALID_ARGUMENT`.
 */
export abstract class Struct {
  /** The bytes, exactly as the kernel sees them. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The views of nested structs and arrays, each created on first use. */
  protected readonly parts: unknown[] = [];
  readonly #own: Own;

  constructor(source?: StructSource) {
    const type = new.target as unknown as StructType;
    const { size, cName } = type;
    if (source !== undefined && source?.buffer === undefined) throw noPlace(new.target.name);
    const buffer = source?.buffer ?? new ArrayBuffer(size);
    const byteOffset = source?.byteOffset ?? 0;
    const byteLength = source?.byteLength ?? size;
    integer(byteOffset, 0, Number.MAX_SAFE_INTEGER, `the offset of struct ${cName}`);
    integer(byteLength, 0, Number.MAX_SAFE_INTEGER, `the length of struct ${cName}`);
    const view = viewOf(buffer, byteOffset, byteLength);
    if (view === undefined || byteLength < size) throw misplaced(type, buffer, byteOffset, byteLength);
    this.view = view;
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#own = { type, size, bytes: this.bytes, address: 0 };
  }

  /** A new struct with these fields; the others are zero. */
  static from<T extends Struct>(this: StructType<T>, init: StructInit<T>): T {
    return init instanceof Struct ? new this().assign(init) : withFields(new this(), init);
  }

  /** A struct over existing bytes, at least `size` of them. */
  static at<T extends Struct>(this: StructType<T>, bytes: Uint8Array): T {
    const { buffer, byteOffset, byteLength } = bytesGiven(bytes, `the bytes of struct ${this.cName}`);
    return new this({ buffer, byteOffset, byteLength });
  }

  /** @internal The address of a struct's bytes. It is looked up once, because a buffer never moves. */
  static addressOf(struct: Struct, backend: Pick<Backend, 'address'>): number {
    const own = struct.#own;
    there(own);
    if (own.address === 0) own.address = backend.address(own.bytes);
    return own.address;
  }

  /** @internal The type of a struct; undefined for any other value. */
  static typeOf(value: unknown): StructType | undefined {
    return typeof value === 'object' && value !== null && #own in value ? value.#own.type : undefined;
  }

  /** @internal The bytes that the struct was created with. */
  static bytesOf(struct: Struct): Uint8Array {
    if (Struct.typeOf(struct) === undefined) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not a struct');
    there(struct.#own);
    return struct.#own.bytes;
  }

  /**
   * Writes the fields in `init` and leaves the others. All are checked first: after an error, none has changed. The
   * values may be views of this struct.
   */
  assign(init: StructInit<this>): this {
    const bytes = Struct.bytesOf(this);
    bytes.set(
      init instanceof Struct ? this.#like(init) : withFields(copyOf(this), init as StructInit<this>).#own.bytes,
    );
    return this;
  }

  /** The bytes of another struct. Throws if its type or length differs. */
  #like(other: Struct): Uint8Array {
    const { cName } = this.#own.type;
    const bytes = Struct.bytesOf(other);
    if (other.#own.type !== this.#own.type) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `this must be a struct ${cName}, not a struct ${other.#own.type.cName}`,
      );
    }
    if (bytes.length !== this.#own.bytes.length) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `this struct ${cName} has ${this.#own.bytes.length} bytes, the other ${bytes.length}`,
      );
    }
    return bytes;
  }

  /** Whether the other is of the same type and has the same bytes. */
  equals(other: Struct): boolean {
    return Struct.typeOf(other) === this.#own.type && Buffer.compare(this.#own.bytes, other.#own.bytes) === 0;
  }

  /** The fields as plain data, with 64-bit values as hexadecimal strings because JSON has no such integers. */
  toJSON(): Record<string, unknown> {
    const { fields } = this.constructor as unknown as StructType;
    return Object.fromEntries(
      fields.map((field) => [field, plain((this as unknown as Record<string, unknown>)[field])]),
    );
  }

  /** @internal `console.log`: the fields by name, 64-bit ones in hexadecimal, without zero padding. */
  [custom](depth: unknown, options: ShowOptions = {}): string {
    const name = className(this);
    try {
      return show(name, () => this.shown(options), depth, options);
    } catch (error) {
      // The buffer was transferred away. Printing must not throw.
      if (error instanceof KvmError) return `${name} [${error.message}]`;
      throw error;
    }
  }

  /** @internal The fields to print. */
  protected shown(options: ShowOptions): Record<string, unknown> {
    const { fields } = this.constructor as unknown as StructType;
    const values = fields.map((field): [string, unknown] => [
      field,
      (this as unknown as Record<string, unknown>)[field],
    ]);
    return Object.fromEntries(
      values
        .filter(([field, value]) => !(padding.test(field) && isZero(value)))
        .map(([field, value]) => [field, shown(value, options)]),
    );
  }
}

/** The kernel's names of members without a meaning. */
const padding = /^(?:pad|padding|reserved|rsvd)\d*$/;

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return !(value instanceof Struct) && Array.from(value as ArrayLike<unknown>).every(isZero);
  }
  return value === 0 || value === 0n;
}

/** A field's value for printing. */
function shown(value: unknown, options: ShowOptions): unknown {
  if (typeof value === 'bigint') return hex(value);
  if (value instanceof Uint8Array || value instanceof Int8Array) return shownBytes(value, options);
  if (typeof value !== 'object' || value === null || value instanceof Struct) return value;
  return Array.from(value as ArrayLike<unknown>, (element) => shown(element, options));
}

/** Throws if the buffer was transferred away or has shrunk: the address would be stale. */
function there({ bytes, size }: Own): void {
  if (bytes.length < size) throw gone();
}

/** A copy of a struct, with bytes of its own. */
export function copyOf<T extends Struct>(struct: T): T {
  const bytes = Struct.bytesOf(struct);
  const { byteLength } = bytes;
  const type = Struct.typeOf(struct) as StructType<T>;
  const copy = new type({ buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength });
  copy.bytes.set(bytes);
  return copy;
}

/** The place of a struct's bytes. */
export function sourceOf(struct: Struct): Required<StructSource> {
  const { buffer, byteOffset, byteLength } = Struct.bytesOf(struct);
  return { buffer, byteOffset, byteLength };
}

type Setter = (this: Struct, value: unknown) => void;

/** The setters of a type's fields. With them, writing a field takes a tenth of the time of `struct[name] = value`. */
const settersByType = new Map<unknown, ReadonlyMap<string, Setter>>();

function settersOf(type: StructType): ReadonlyMap<string, Setter> {
  const setters = new Map(type.fields.map((field) => [field, setterOf(type.prototype, field)]));
  settersByType.set(type, setters);
  return setters;
}

function setterOf(prototype: object, field: string): Setter {
  const own = Object.getOwnPropertyDescriptor(prototype, field)?.set;
  return own ?? setterOf(Object.getPrototypeOf(prototype), field);
}

/** Writes fields to a private struct and returns it. After an error, the struct must not be used. */
export function withFields<T extends Struct>(struct: T, init: StructInit<T>): T {
  const type = struct.constructor as unknown as StructType<T>;
  const setters = settersByType.get(type) ?? settersOf(type);
  const values: Readonly<Record<string, unknown>> = objectOf(init, `the fields of struct ${type.cName}`);
  for (const field in values) {
    const setter = setters.get(field);
    if (setter === undefined) throw unknownName(`struct ${type.cName} has no field ${field}`, field, type.fields);
    const value = values[field];
    // An undefined field counts as left out.
    if (value !== undefined) setter.call(struct, value);
  }
  return struct;
}

/** Without this error, the fields that a caller meant to set would stay zero. */
function noPlace(name: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `new ${name}(...) takes the place of its bytes, with a buffer`, {
    hint: `${name}.from({ ... }) makes one with these fields`,
  });
}

function misplaced({ cName, size }: StructType, buffer: unknown, byteOffset: number, byteLength: number): KvmError {
  if (!types.isAnyArrayBuffer(buffer)) {
    return new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the buffer of struct ${cName} must be an ArrayBuffer or SharedArrayBuffer`,
    );
  }
  const there = Math.max(0, Math.min(byteLength, buffer.byteLength - byteOffset));
  return new KvmError(
    'ERR_KVM_OUT_OF_RANGE',
    `struct ${cName} needs ${size} bytes; at offset ${byteOffset} there are ${there}`,
  );
}

/** A view of a buffer; undefined if it is not a buffer, or does not have these bytes. */
function viewOf(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): StructView | undefined {
  try {
    return new StructView(buffer, byteOffset, byteLength);
  } catch {
    return undefined;
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
  if (value instanceof Struct) return value.toJSON();
  if (typeof value === 'object' && value !== null) return Array.from(value as ArrayLike<unknown>, plain);
  return value;
}

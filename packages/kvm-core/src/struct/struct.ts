import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { given, integer } from './check.js';

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

/** What may be assigned to a field of type `T`. */
export type FieldInit<T> = T extends Struct
  ? T | StructInit<T>
  : T extends IntegerArray
    ? T | ArrayLike<T[number]>
    : T extends { readonly [n: number]: infer E; readonly length: number }
      ? ArrayLike<FieldInit<E>>
      : T;

/** The fields of `T`, all optional: what is left out is zero, as in a C initialiser. */
export type StructInit<T extends Struct> = { [K in Exclude<keyof T, keyof Struct>]?: FieldInit<T[K]> };

/** A generated struct class. */
export interface StructType<T extends Struct = Struct> {
  new (source?: StructSource): T;
  /** The C tag: "kvm_regs". */
  readonly cName: string;
  /** Bytes, without the elements of a flexible array. */
  readonly size: number;
  /** Bytes. */
  readonly align: number;
  /** The fields, in the order the C struct declares them. */
  readonly fields: readonly string[];
}

/** Where a struct's bytes lie. Without one it gets zeroed bytes of its own. */
export interface StructSource {
  buffer: ArrayBufferLike;
  byteOffset: number;
  /** Bytes; of use only to a struct that ends in a flexible array. */
  byteLength?: number;
}

/**
 * A C struct or union as a view over bytes: reading a field reads them, writing one writes them, nothing is copied.
 *
 * 64-bit fields are bigint, all narrower ones number, nested structs and arrays views of the same bytes. A setter refuses
 * what its field cannot hold. The subclasses are generated from the kernel's headers.
 */
export abstract class Struct {
  /** The bytes themselves, exactly as the kernel sees them. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The views of nested structs and arrays, each made when it is first asked for. */
  protected readonly parts: unknown[] = [];
  #address = 0;

  constructor(source?: StructSource) {
    const { size } = this.constructor as unknown as StructType;
    const buffer = source?.buffer ?? new ArrayBuffer(size);
    const byteOffset = source?.byteOffset ?? 0;
    const byteLength = source?.byteLength ?? size;
    const { cName } = this.constructor as unknown as StructType;
    integer(byteOffset, 0, Number.MAX_SAFE_INTEGER, `the offset of struct ${cName}`);
    integer(byteLength, 0, Number.MAX_SAFE_INTEGER, `the length of struct ${cName}`);
    if (byteLength < size || byteOffset + byteLength > buffer.byteLength) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `struct ${cName} needs ${size} bytes; at offset ${byteOffset} there are ${Math.max(0, Math.min(byteLength, buffer.byteLength - byteOffset))}`,
      );
    }
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.view = new DataView(buffer, byteOffset, byteLength);
  }

  /** A new struct with these fields; the others are zero. */
  static from<T extends Struct>(this: StructType<T>, init: StructInit<T>): T {
    return new this().assign(init);
  }

  /** A view of bytes that are already there, which must be at least `size` long. */
  static at<T extends Struct>(this: StructType<T>, bytes: Uint8Array): T {
    if (!(bytes instanceof Uint8Array)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the bytes of struct ${this.cName} must be a Uint8Array`);
    }
    return new this({ buffer: bytes.buffer, byteOffset: bytes.byteOffset, byteLength: bytes.byteLength });
  }

  /** @internal The address of a struct's bytes, looked up once: a backing store never moves. */
  static addressOf(struct: Struct, backend: Pick<Backend, 'address'>): number {
    // A buffer that was transferred to another thread, or has shrunk, has left its address behind.
    if (struct.bytes.length < (struct.constructor as unknown as StructType).size) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the bytes of this struct were transferred away, or have shrunk');
    }
    if (struct.#address === 0) struct.#address = backend.address(struct.bytes);
    return struct.#address;
  }

  /**
   * Writes the fields that `init` has and leaves the others. All are checked first: on an error none is changed. The values may
   * be views of this very struct.
   */
  assign(init: StructInit<this> | this): this {
    const type = this.constructor as unknown as StructType<this>;
    if (init instanceof Struct) {
      if (init.constructor !== type) {
        const other = (init.constructor as unknown as StructType).cName;
        throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `a struct ${type.cName} is wanted here, not a struct ${other}`);
      }
      if (init.bytes.length !== this.bytes.length) {
        throw new KvmError(
          'ERR_KVM_OUT_OF_RANGE',
          `this struct ${type.cName} has ${this.bytes.length} bytes, the other ${init.bytes.length}`,
        );
      }
      this.bytes.set(init.bytes);
      return this;
    }
    const entries = Object.entries(given(init, `the fields of struct ${type.cName}`));
    const fresh = copyOf(this) as this & Record<string, unknown>;
    for (const [field, value] of entries) {
      if (!type.fields.includes(field)) {
        throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `struct ${type.cName} has no field ${field}`);
      }
      // An absent optional is the same as one that is not given.
      if (value !== undefined) (fresh as Record<string, unknown>)[field] = value;
    }
    this.bytes.set(fresh.bytes);
    return this;
  }

  /** Whether the other is of the same type and has the same bytes. */
  equals(other: Struct): boolean {
    return (
      other instanceof Struct &&
      this.constructor === other.constructor &&
      this.bytes.length === other.bytes.length &&
      this.bytes.every((byte, i) => byte === other.bytes[i])
    );
  }

  /** The fields as plain data; 64-bit values as hexadecimal strings, for JSON has no such integers. */
  toJSON(): Record<string, unknown> {
    const { fields } = this.constructor as unknown as StructType;
    return Object.fromEntries(
      fields.map((field) => [field, plain((this as unknown as Record<string, unknown>)[field])]),
    );
  }
}

/** A struct of the same type and bytes, which are its own. */
export function copyOf<T extends Struct>(struct: T): T {
  const { buffer, byteLength } = struct.bytes.slice();
  return new (struct.constructor as unknown as StructType<T>)({ buffer, byteOffset: 0, byteLength });
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
  if (value instanceof Struct) return value.toJSON();
  if (typeof value === 'object' && value !== null) return Array.from(value as ArrayLike<unknown>, plain);
  return value;
}

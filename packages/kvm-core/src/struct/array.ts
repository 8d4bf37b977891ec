import { KvmError } from '../errors/kvm-error.js';
import { list } from './check.js';
import { copyOf, type FieldInit, type IntegerArray, Struct, type StructType, sourceOf } from './struct.js';

/** A C array of structs or arrays: a fixed number of views, which can be indexed and iterated but not replaced. */
export type StructArray<T> = readonly T[];

interface IntegerArrayType<T extends IntegerArray> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  new (length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** A typed array over `count` integers of a struct, from `offset`. */
export function integers<T extends IntegerArray>(
  owner: Struct,
  offset: number,
  count: number,
  type: IntegerArrayType<T>,
): T {
  const { buffer, byteOffset } = sourceOf(owner);
  const at = byteOffset + offset;
  if (at % type.BYTES_PER_ELEMENT !== 0) {
    const { cName } = owner.constructor as unknown as StructType;
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `struct ${cName} is at an offset of its buffer that is not a multiple of ${type.BYTES_PER_ELEMENT}`,
    );
  }
  return new type(buffer, at, count);
}

/** Views of `count` structs in a struct, from `offset`. */
export function structs<T extends Struct>(
  owner: Struct,
  offset: number,
  count: number,
  type: StructType<T>,
): StructArray<T> {
  return rows(count, (i) => nested(owner, offset + i * type.size, type));
}

/** The rows of a C array of arrays. */
export function rows<T>(count: number, row: (index: number) => T): readonly T[] {
  return Object.freeze(Array.from({ length: count }, (_, i) => row(i)));
}

/**
 * The struct at `offset` of another. If it ends in a flexible array, it is the last one and gets all remaining bytes.
 */
export function nested<T extends Struct>(owner: Struct, offset: number, type: StructType<T>): T {
  const { buffer, byteOffset, byteLength } = sourceOf(owner);
  return new type({
    buffer,
    byteOffset: byteOffset + offset,
    byteLength: 'elementsOffset' in type ? byteLength - offset : type.size,
  });
}

/**
 * Fills an array field from an assigned value; missing elements become zero. The whole source is checked and copied
 * before anything is written, because it may contain views of the target.
 */
export function fill<T>(target: ArrayLike<T>, source: ArrayLike<FieldInit<T>>, where: string): void {
  prepare(target, source, where)();
}

/** Checks and copies a source, and returns the function that writes the copy. */
function prepare(target: ArrayLike<unknown>, value: ArrayLike<unknown>, where: string): () => void {
  const source = list(value, where);
  const { length } = source;
  if (length > target.length) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${where} holds ${target.length} elements, not ${length}`);
  }
  if (ArrayBuffer.isView(target)) {
    const integers = target as unknown as IntegerArray;
    const copy = checkedIntegers(integers, source as ArrayLike<number | bigint>, where);
    return () => integers.set(copy as never);
  }
  const writes = Array.from(target, (element, i) => {
    if (ArrayBuffer.isView(element) || Array.isArray(element)) {
      const row = (i < length ? source[i] : []) as ArrayLike<unknown>;
      return prepare(element as unknown as ArrayLike<unknown>, row, `${where}[${i}]`);
    }
    const struct = element as Struct;
    const copy = copyOf(struct);
    copy.bytes.fill(0);
    if (i < length) copy.assign(source[i] as Struct);
    return () => Struct.bytesOf(struct).set(copy.bytes);
  });
  return () => {
    for (const write of writes) write();
  };
}

/**
 * The integers in a new array of the target's type and length. A typed array truncates a value that does not fit, which
 * a comparison afterwards detects.
 */
function checkedIntegers(target: IntegerArray, source: ArrayLike<number | bigint>, where: string): IntegerArray {
  const copy = new (target.constructor as new (length: number) => IntegerArray)(target.length);
  const wanted = typeof new (target.constructor as new (length: number) => IntegerArray)(1)[0];
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as number | bigint;
    if (typeof value !== wanted) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where}[${i}] must be a ${wanted}, not ${typeof value}`);
    }
    (copy as unknown as (number | bigint)[])[i] = value;
    if (copy[i] !== value) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${where}[${i}] cannot hold ${value}: it has ${copy.BYTES_PER_ELEMENT * 8} bits`,
      );
    }
  }
  return copy;
}

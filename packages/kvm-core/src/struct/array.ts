import { KvmError } from '../errors/kvm-error.js';
import type { FieldInit, IntegerArray, Struct, StructSource, StructType } from './struct.js';

/** A C array of structs or of arrays: a fixed number of views, which can be read by index and iterated, and not replaced. */
export type StructArray<T> = readonly T[];

interface IntegerArrayType<T extends IntegerArray> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  new (length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** `count` integers of a struct's bytes, from `offset`, as a typed array over them. */
export function integers<T extends IntegerArray>(
  owner: Struct,
  offset: number,
  count: number,
  type: IntegerArrayType<T>,
): T {
  const at = owner.bytes.byteOffset + offset;
  if (at % type.BYTES_PER_ELEMENT !== 0) {
    const { cName } = owner.constructor as unknown as StructType;
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `struct ${cName} lies at an offset of its buffer that is not a multiple of ${type.BYTES_PER_ELEMENT}`,
    );
  }
  return new type(owner.bytes.buffer, at, count);
}

/** `count` structs of a struct's bytes, from `offset`. */
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

/** The struct that lies at `offset` of another. */
export function nested<T extends Struct>(owner: Struct, offset: number, type: StructType<T>): T {
  const source: StructSource = {
    buffer: owner.bytes.buffer,
    byteOffset: owner.bytes.byteOffset + offset,
    byteLength: type.size,
  };
  return new type(source);
}

/** Fills an array field from what was assigned to it; elements that are not given become zero. */
export function fill<T>(target: ArrayLike<T>, source: ArrayLike<FieldInit<T>>, where: string): void {
  if (typeof source !== 'object' || source === null || typeof source.length !== 'number') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be an array`);
  }
  if (source.length > target.length) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${where} holds ${target.length} elements, not ${source.length}`);
  }
  if (ArrayBuffer.isView(target)) {
    fillIntegers(target as unknown as IntegerArray, source as ArrayLike<number | bigint>, where);
    return;
  }
  for (let i = 0; i < target.length; i++) {
    const element = target[i];
    const value = source[i];
    if (ArrayBuffer.isView(element) || Array.isArray(element)) {
      fill(element as unknown as ArrayLike<unknown>, (value ?? []) as ArrayLike<unknown>, `${where}[${i}]`);
    } else {
      const struct = element as Struct;
      if (value === undefined) struct.bytes.fill(0);
      else struct.assign(value as Struct);
    }
  }
}

function fillIntegers(target: IntegerArray, source: ArrayLike<number | bigint>, where: string): void {
  // A typed array cuts what does not fit; writing to a copy and reading it back finds that out before anything is changed.
  const copy = new (target.constructor as new (length: number) => IntegerArray)(target.length);
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as number | bigint;
    const wanted = typeof copy[0] === 'bigint' ? 'bigint' : 'number';
    if (typeof value !== wanted) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where}[${i}] must be a ${wanted}, not ${String(value)}`);
    }
    (copy as unknown as (number | bigint)[])[i] = value;
    if (copy[i] !== value) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `${where}[${i}] cannot hold ${value}: it has ${copy.BYTES_PER_ELEMENT * 8} bits`,
      );
    }
  }
  target.set(copy as never);
}

import { inspect } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import { StructView } from './struct-view.js';

/**
 * The checks of a struct's setters: a value that a field cannot hold is refused, where a DataView would cut it to size.
 * `where` names the field in the message: "kvm_regs.rip".
 */

function refuse(where: string, value: unknown, want: string): never {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be ${want}, not ${shown(value)}`);
  }
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${where} must be ${want}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : inspect(value, { depth: 0, breakLength: Infinity });
}

/**
 * An object of options or fields, which plain JavaScript may have left out. A struct is none, even where its fields
 * have the same names: what they lack would be taken for left out.
 */
export function objectOf<T extends object>(value: T, what: string): T {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
  if (!isObject || ('view' in value && value.view instanceof StructView)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be given as an object`);
  }
  return value;
}

/** More elements than any call takes. `{ length: 2 ** 40 }` would fill the heap before the kernel could refuse it. */
const longestList = 2 ** 20;

/** A copy of something with a length and elements. */
export function list<T>(value: ArrayLike<T>, what: string): T[] {
  const length: unknown = typeof value === 'object' && value !== null ? value.length : undefined;
  if (!Number.isSafeInteger(length) || (length as number) < 0) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be an array`);
  }
  integer(length as number, 0, longestList, `the length of ${what}`);
  return Array.from(value);
}

/** True or false. */
export function boolean(value: boolean, where: string): boolean {
  if (typeof value !== 'boolean') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be true or false, not ${shown(value)}`);
  }
  return value;
}

/** What one of a few names stands for. */
export function oneOf<T>(choices: Readonly<Record<string | number, T>>, choice: unknown, what: string): T {
  const known = typeof choice === 'string' || typeof choice === 'number';
  if (!known || !Object.hasOwn(choices, choice)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be one of: ${Object.keys(choices).join(', ')}`);
  }
  return choices[choice] as T;
}

/** A whole number from `low` to `high`. */
export function integer(value: number, low: number, high: number, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    refuse(where, value, `a whole number from ${low} to ${high}`);
  }
  return value;
}

/** A bigint from `low` to `high`. */
export function bigInteger(value: bigint, low: bigint, high: bigint, where: string): bigint {
  if (typeof value !== 'bigint' || value < low || value > high) refuse(where, value, `a bigint from ${low} to ${high}`);
  return value;
}

export function u8(value: number, where: string): number {
  return integer(value, 0, 0xff, where);
}

export function u16(value: number, where: string): number {
  return integer(value, 0, 0xffff, where);
}

export function u32(value: number, where: string): number {
  return integer(value, 0, 0xffff_ffff, where);
}

/** @public Of use only to the structs of headers that have such a field, as the x86 ones do not. */
export function s8(value: number, where: string): number {
  return integer(value, -0x80, 0x7f, where);
}

export function s16(value: number, where: string): number {
  return integer(value, -0x8000, 0x7fff, where);
}

export function s32(value: number, where: string): number {
  return integer(value, -0x8000_0000, 0x7fff_ffff, where);
}

export function u64(value: bigint, where: string): bigint {
  return bigInteger(value, 0n, 0xffff_ffff_ffff_ffffn, where);
}

export function s64(value: bigint, where: string): bigint {
  return bigInteger(value, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, where);
}

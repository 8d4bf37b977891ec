import { inspect } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import { StructView } from './struct-view.js';

/**
 * The checks of a struct's setters: they refuse a value that does not fit the field, which a DataView would truncate.
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
 * Checks an object of options or fields. A struct is refused, even if its fields have the same names: fields that it
 * lacks would count as left out.
 */
export function objectOf<T extends object>(value: T, what: string): T {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
  if (!isObject || ('view' in value && value.view instanceof StructView)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a plain object`);
  }
  return value;
}

/** More elements than any call takes. Without this limit, `{ length: 2 ** 40 }` would fill the heap. */
const longestList = 2 ** 20;

/** Copies an array, or an object with a length and elements. */
export function list<T>(value: ArrayLike<T>, what: string): T[] {
  const length: unknown = typeof value === 'object' && value !== null ? value.length : undefined;
  if (!Number.isSafeInteger(length) || (length as number) < 0) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be an array`);
  }
  integer(length as number, 0, longestList, `the length of ${what}`);
  try {
    return Array.from(value);
  } catch (error) {
    // The elements of a list may throw what they like.
    if (!ArrayBuffer.isView(value)) throw error;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the buffer of ${what} was transferred away, or is too short now`);
  }
}

export function boolean(value: boolean, where: string): boolean {
  if (typeof value !== 'boolean') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be true or false, not ${shown(value)}`);
  }
  return value;
}

/** The value of one of several names. */
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

/** @public Used only by structs with such a field; x86 has none. */
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

import { KvmError } from '../errors/kvm-error.js';
import { integer, u64 } from '../struct/check.js';
import { pageSize } from './page-size.js';

/** Checks of addresses and sizes of guest memory. */

export function wholePages(value: number, what: string): void {
  if (value % pageSize !== 0) throw notWholePages(what, value);
}

/** The same for 64-bit values, such as guest-physical addresses. */
export function wholePages64(value: bigint, what: string): bigint {
  if (u64(value, what) % BigInt(pageSize) !== 0n) throw notWholePages(what, value);
  return value;
}

function notWholePages(what: string, value: number | bigint): KvmError {
  return new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be whole pages of ${pageSize} bytes, not ${value}`);
}

/** A limit in bytes. The address space of a process has 47 bits. */
const largest = 2 ** 46;

/**
 * @internal Checks a size: a multiple of the page size. It may exceed the host's RAM, which is taken on first access.
 */
export function memorySize(size: number, what: string): number {
  integer(size, pageSize, largest, `${what}, in bytes,`);
  wholePages(size, what);
  return size;
}

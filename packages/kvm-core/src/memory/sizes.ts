import { KvmError } from '../errors/kvm-error.js';
import { integer, u64 } from '../struct/check.js';
import { pageSize } from './page-size.js';

/** What addresses and sizes of a guest's memory may be. */

export function wholePages(value: number, what: string): void {
  if (value % pageSize !== 0) throw notWholePages(what, value);
}

/** The same for what is 64 bits wide, as the guest's addresses are. */
export function wholePages64(value: bigint, what: string): bigint {
  if (u64(value, what) % BigInt(pageSize) !== 0n) throw notWholePages(what, value);
  return value;
}

function notWholePages(what: string, value: number | bigint): KvmError {
  return new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be whole pages of ${pageSize} bytes, not ${value}`);
}

/** Bytes: more than the addresses of any process, 47 bits, have room for. */
const largest = 2 ** 46;

/** @internal A size that memory can have: whole pages. It may be more than the host has, which gives pages as they are touched. */
export function memorySize(size: number, what: string): number {
  integer(size, pageSize, largest, `${what}, in bytes,`);
  wholePages(size, what);
  return size;
}

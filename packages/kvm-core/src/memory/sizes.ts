import { totalmem } from 'node:os';
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

/** Whole pages of the machine's memory, in bytes. Asked once: to be told means to read a file of the kernel's. */
let machineMemory: number | undefined;

/** @internal A size that memory can have: whole pages, and no more than the machine's. */
export function memorySize(size: number, what: string): number {
  machineMemory ??= Math.floor(totalmem() / pageSize) * pageSize;
  integer(size, pageSize, machineMemory, `${what}, in bytes,`);
  wholePages(size, what);
  return size;
}

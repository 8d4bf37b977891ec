import { type KvmMsrEntry, KvmMsrs } from '../abi/x86/index.js';
import { list, u32 } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';

/** The argument of KVM_GET_MSRS: these indices, with room for their values. */
export function msrList(indices: ArrayLike<number>): KvmMsrs {
  return msrValues(list(indices, 'the indices of MSRs').map((index) => ({ index: u32(index, 'the index of an MSR') })));
}

/** The argument of KVM_SET_MSRS. */
export function msrValues(entries: ArrayLike<KvmMsrEntry | StructInit<KvmMsrEntry>>): KvmMsrs {
  const own = list(entries, 'MSRs');
  const msrs = KvmMsrs.withCapacity(own.length);
  msrs.entries = own;
  return msrs;
}

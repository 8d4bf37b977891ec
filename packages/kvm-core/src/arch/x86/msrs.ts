import { type KvmMsrEntry, KvmMsrs } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { list, u32 } from '../../struct/check.js';
import type { StructInit } from '../../struct/struct.js';

/** The argument of KVM_GET_MSRS: indices, with room for their values. */
export function msrList(indices: ArrayLike<number>): KvmMsrs {
  return msrValues(list(indices, 'the indices of MSRs').map((index) => ({ index: u32(index, 'the index of an MSR') })));
}

/** The argument of KVM_SET_MSRS. */
export function msrValues(entries: ArrayLike<StructInit<KvmMsrEntry>>): KvmMsrs {
  return KvmMsrs.from({ entries: list(entries, 'MSRs') });
}

/** The result of `readMsrs`. */
export interface ReadMsrs {
  /** One entry for each MSR that could be read, in the order of the indices. */
  readonly entries: readonly KvmMsrEntry[];
  /** The indices of the others, in order. */
  readonly unreadable: readonly number[];
}

/** The number of MSRs in one call: less than the kernel's MAX_IO_MSRS. */
export const mostMsrs = 255;

/** Reads MSRs and skips those that cannot be read. `read` is KVM_GET_MSRS, which stops at such an MSR. */
export function readMsrs(indices: ArrayLike<number>, read: (msrs: KvmMsrs) => number): ReadMsrs {
  const wanted = list(indices, 'the indices of MSRs').map((index) => u32(index, 'the index of an MSR'));
  const entries: KvmMsrEntry[] = [];
  const unreadable: number[] = [];
  for (let at = 0; at < wanted.length; ) {
    const some = msrList(wanted.slice(at, at + mostMsrs));
    const count = read(some);
    const asked = some.nmsrs;
    for (const entry of some.entries.slice(0, count)) entries.push(entry);
    at += count;
    if (count < asked) unreadable.push(wanted[at++] as number);
  }
  return { entries, unreadable };
}

/** The result of `writeMsrs`. */
export interface WrittenMsrs {
  /** The indices of the MSRs that the kernel refused to set, in the order of the entries. */
  readonly refused: readonly number[];
}

/** Sets MSRs and skips those that are refused. `write` is KVM_SET_MSRS, which stops at such an MSR. */
export function writeMsrs(entries: ArrayLike<StructInit<KvmMsrEntry>>, write: (msrs: KvmMsrs) => number): WrittenMsrs {
  const wanted = msrValues(entries).entries;
  const refused: number[] = [];
  for (let at = 0; at < wanted.length; ) {
    const some = wanted.slice(at, at + mostMsrs);
    const count = write(msrValues(some));
    at += count;
    if (count < some.length) refused.push((wanted[at++] as KvmMsrEntry).index);
  }
  return { refused };
}

/** Throws if the kernel did not set the whole list. */
export function checkAllSet(msrs: KvmMsrs, count: number): void {
  const refused = msrs.entries[count];
  if (refused === undefined) return;
  const { index, data } = refused;
  throw new KvmError(
    'ERR_KVM_UNSUPPORTED',
    `KVM_SET_MSRS: MSR 0x${index.toString(16)} cannot be set to 0x${data.toString(16)}; the ${count} before it are set`,
    {
      ioctl: 'KVM_SET_MSRS',
      hint:
        'the host or the CPUID of the vCPU lacks this MSR, or it does not accept this value: writeMsrs skips such ' +
        'MSRs and returns their indices',
    },
  );
}

/** Throws if the kernel did not read the whole list. */
export function allRead(msrs: KvmMsrs, count: number): KvmMsrs {
  const unread = msrs.entries[count];
  if (unread === undefined) return msrs;
  throw new KvmError('ERR_KVM_UNSUPPORTED', `KVM_GET_MSRS: MSR 0x${unread.index.toString(16)} cannot be read`, {
    ioctl: 'KVM_GET_MSRS',
    hint: 'the host or the CPUID of the vCPU lacks this MSR: readMsrs skips such MSRs and returns their indices',
  });
}

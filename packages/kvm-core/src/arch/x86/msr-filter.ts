import * as abi from '../../abi/x86/index.js';
import type { Backend } from '../../backend/backend.js';
import { KvmError } from '../../errors/kvm-error.js';
import { bytesGiven } from '../../struct/bytes.js';
import { boolean, integer, list, oneOf, u32 } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';

/** What `vm.setMsrFilter` takes. */
export interface MsrFilter {
  /** What becomes of an access that no range decides; 'allow'. With 'deny' there must be a range. */
  default?: 'allow' | 'deny';
  /** Up to 16, of which the first that covers an access decides. */
  ranges?: readonly MsrRange[];
}

/** MSRs one after the other. */
export interface MsrRange {
  /** The index of the first. */
  base: number;
  /** How many: up to 12288. */
  count: number;
  /** Whether the range decides reads; true. */
  read?: boolean;
  /** Whether the range decides writes; true. */
  write?: boolean;
  /** One bit an MSR, the first in the lowest of byte 0: 1 allows, 0 denies. Without it all get the opposite of `default`. */
  bitmap?: Uint8Array;
}

const { MsrFilterFlag, MsrFilterRangeFlag } = abi;
const defaults = { allow: MsrFilterFlag.DefaultAllow, deny: MsrFilterFlag.DefaultDeny } as const;
const maxCount = abi.KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8;

/** The argument of KVM_X86_SET_MSR_FILTER, and what its addresses lead to. */
export function msrFilter(
  filter: MsrFilter,
  backend: Backend,
): { argument: abi.KvmMsrFilter; bitmaps: readonly Uint8Array[] } {
  const { default: byDefault = 'allow', ranges = [] } = optionsOf(filter, 'an MSR filter', ['default', 'ranges']);
  const flags = oneOf(defaults, byDefault, 'the default of an MSR filter');
  const own = list(ranges, 'the ranges of an MSR filter');
  integer(own.length, 0, abi.KVM_MSR_FILTER_MAX_RANGES, 'the number of ranges of an MSR filter');
  const checked = own.map((range, i) => checkedRange(range, byDefault === 'deny', `ranges[${i}]`));
  const argument = abi.KvmMsrFilter.from({
    flags,
    ranges: checked.map(({ bitmap, ...fields }) => ({ ...fields, bitmap: BigInt(backend.address(bitmap)) })),
  });
  return { argument, bitmaps: checked.map(({ bitmap }) => bitmap) };
}

/** A range, checked. The bitmap is a copy, for the kernel reads whole words of 64 bits. */
function checkedRange(
  range: MsrRange,
  allowed: boolean,
  where: string,
): { base: number; nmsrs: number; flags: number; bitmap: Uint8Array } {
  const {
    base,
    count,
    read = true,
    write = true,
    bitmap,
  } = optionsOf(range, where, ['base', 'count', 'read', 'write', 'bitmap']);
  integer(count, 1, maxCount, `${where}.count`);
  integer(u32(base, `${where}.base`) + count, 0, 2 ** 32, `the end of ${where}`);
  const flags =
    (boolean(read, `${where}.read`) ? MsrFilterRangeFlag.Read : 0) |
    (boolean(write, `${where}.write`) ? MsrFilterRangeFlag.Write : 0);
  if (flags === 0) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} decides neither reads nor writes`);
  const copy = new Uint8Array(Math.ceil(count / 64) * 8);
  const bytes = Math.ceil(count / 8);
  if (bitmap === undefined) {
    copy.fill(allowed ? 0xff : 0);
  } else {
    const given = bytesGiven(bitmap, `${where}.bitmap`);
    if (given.length !== bytes) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where}.bitmap must be a Uint8Array of ${bytes} bytes`);
    }
    copy.set(given);
  }
  return { base, nmsrs: count, flags, bitmap: copy };
}

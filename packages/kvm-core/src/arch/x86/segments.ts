import type { KvmSegment } from '../../abi/x86/structs.js';
import type { StructInit } from '../../struct/struct.js';
import { SegmentType } from './registers.js';

/** A segment for `setSregs`, with all relevant fields. */
export type Segment = Required<Omit<StructInit<KvmSegment>, 'padding' | 'unusable'>>;

const flat = { base: 0n, present: 1, dpl: 0, s: 1, avl: 0 } as const;

/** The selectors of the flat segments in a table made by `descriptorTable`. */
const codeSelector = 0x08;
const dataSelector = 0x10;

/** Code of 32 bits, all 4 GiB. */
export const code32: Segment = {
  ...flat,
  limit: 0xffff_ffff,
  selector: codeSelector,
  type: SegmentType.Code,
  db: 1,
  l: 0,
  g: 1,
};

/** Code of 64 bits. */
export const code64: Segment = { ...code32, db: 0, l: 1 };

/** Data, all 4 GiB. Long mode ignores base and limit. */
export const data: Segment = {
  ...flat,
  limit: 0xffff_ffff,
  selector: dataSelector,
  type: SegmentType.Data,
  db: 1,
  l: 0,
  g: 1,
};

/** Code of real mode: segment 0, the first 64 KiB. */
export const realCode: Segment = {
  ...flat,
  limit: 0xffff,
  selector: 0,
  type: SegmentType.Code,
  db: 0,
  l: 0,
  g: 0,
};

/** Data of real mode: segment 0, the first 64 KiB. */
export const realData: Segment = { ...realCode, type: SegmentType.Data };

/** A segment for the task register, without which hardware refuses to run a guest in any mode. */
export const task: Segment = {
  ...flat,
  limit: 0xffff,
  selector: 0,
  type: SegmentType.BusyTss,
  s: 0,
  db: 0,
  l: 0,
  g: 0,
};

/** A descriptor table of the null descriptor and these segments, for guest memory. */
export function descriptorTable(...segments: readonly Segment[]): Uint8Array {
  const table = new BigUint64Array([0n, ...segments.map(descriptor)]);
  return new Uint8Array(table.buffer);
}

/** The 8-byte descriptor of a segment. */
export function descriptor(segment: Segment): bigint {
  const { base, type, s, dpl, present, avl, l, db, g } = segment;
  const limit = BigInt(g === 1 ? segment.limit >>> 12 : segment.limit);
  const access = BigInt(type | (s << 4) | (dpl << 5) | (present << 7));
  const flags = BigInt(avl | (l << 1) | (db << 2) | (g << 3));
  return (
    (limit & 0xffffn) |
    ((base & 0xff_ffffn) << 16n) |
    (access << 40n) |
    (((limit >> 16n) & 0xfn) << 48n) |
    (flags << 52n) |
    (((base >> 24n) & 0xffn) << 56n)
  );
}

/** Segments for `setSregs`, and functions that make descriptors and descriptor tables. */
export const segments = { code32, code64, data, realCode, realData, task, descriptor, descriptorTable } as const;

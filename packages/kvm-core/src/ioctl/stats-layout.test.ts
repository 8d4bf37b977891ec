import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { KvmStatsDesc, KvmStatsHeader, StatsBase, StatsType, StatsUnit } from '../abi/x86/index.js';
import { x86 } from '../arch/x86/architecture.js';
import { KvmError } from '../errors/kvm-error.js';
import type { StructInit } from '../struct/struct.js';
import { type Layout, readLayout } from './stats-layout.js';

const nameSize = 48;

function padded(text: string): number[] {
  const bytes = [...Buffer.from(text)];
  return [...bytes, ...new Array<number>(nameSize - bytes.length).fill(0)];
}

/** A file of statistics in the kernel's format: the header, the id, the descriptions. */
function file(statistics: ({ name: string } & Omit<StructInit<KvmStatsDesc>, 'name'>)[]): Uint8Array {
  const idOffset = KvmStatsHeader.size;
  const descOffset = idOffset + nameSize;
  const dataOffset = descOffset + statistics.length * (KvmStatsDesc.size + nameSize);
  const numDesc = statistics.length;
  const header = KvmStatsHeader.from({ nameSize, numDesc, idOffset, descOffset, dataOffset });
  const all = statistics.map(({ name, ...fields }) => KvmStatsDesc.from({ ...fields, name: padded(name) }));
  return Buffer.concat([header.bytes, Uint8Array.from(padded('kvm-1')), ...all.map(({ bytes }) => bytes)]);
}

function layoutOf(bytes: Uint8Array): Layout {
  return readLayout(x86.abi, (offset, length) => {
    const part = bytes.slice(offset, offset + length);
    if (part.length < length) throw new KvmError('ERR_KVM_UNSUPPORTED', 'the file ends too early');
    return part;
  });
}

describe('the layout of a file of statistics', () => {
  test('has each statistic with its type, unit, scale and offset', () => {
    const { id, statistics, dataLength } = layoutOf(
      file([
        { name: 'exits', flags: StatsType.Cumulative | StatsUnit.None | StatsBase.Pow10, size: 1, offset: 0 },
        {
          name: 'memory',
          flags: StatsType.Peak | StatsUnit.Bytes | StatsBase.Pow2,
          exponent: 10,
          size: 1,
          offset: 8,
        },
        {
          name: 'waits',
          flags: StatsType.LinearHist | StatsUnit.Cycles | StatsBase.Pow10,
          exponent: -3,
          size: 20,
          offset: 16,
          bucketSize: 5,
        },
      ]),
    );
    expect(id).toBe('kvm-1');
    expect(dataLength).toBe(16 + 20 * 8);
    const none = { bucketSize: 0, exponent: 0, size: 1 };
    expect(statistics).toEqual([
      { ...none, name: 'exits', type: 'cumulative', unit: 'none', base: 10, offset: 0 },
      { ...none, name: 'memory', type: 'peak', unit: 'bytes', base: 2, exponent: 10, offset: 8 },
      {
        name: 'waits',
        type: 'linear-hist',
        unit: 'cycles',
        base: 10,
        exponent: -3,
        size: 20,
        bucketSize: 5,
        offset: 16,
      },
    ]);
  });

  test('keeps a statistic with a type or unit of a newer kernel', () => {
    const [statistic] = layoutOf(file([{ name: 'new', flags: 0xf | 0xf0, size: 1 }])).statistics;
    expect(statistic).toMatchObject({ name: 'new', type: 'unknown', unit: 'unknown' });
  });

  test('is refused if it is inconsistent', () => {
    const good = { name: 'a', size: 1 };
    for (const statistics of [
      [good, good],
      [{ ...good, name: '' }],
      [{ ...good, size: 0 }],
      [{ ...good, offset: 4 }],
      [{ ...good, offset: 0xffff_fff8 }],
      [{ ...good, flags: 0x300 }],
    ]) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', () => layoutOf(file(statistics))).ioctl).toBe('KVM_GET_STATS_FD');
    }
    kvmError('ERR_KVM_UNSUPPORTED', () => layoutOf(file([good]).subarray(0, 100)));
  });

  test('of any bytes is valid, or a KvmError', () => {
    const valid = file([
      { name: 'exits', size: 1 },
      { name: 'waits', flags: StatsType.LogHist, size: 32, offset: 8 },
    ]);
    const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        let layout: Layout;
        try {
          layout = layoutOf(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(KvmError);
          return;
        }
        expect(layout.dataLength).toBeLessThanOrEqual(2 ** 22);
        for (const { offset, size } of layout.statistics) {
          expect(size).toBeGreaterThan(0);
          expect(offset + size * 8).toBeLessThanOrEqual(layout.dataLength);
        }
      }),
    );
  });
});

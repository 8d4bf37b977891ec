import type { Abi } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';

/** One statistic: its name, and the meaning of its numbers. */
export interface Statistic {
  /** The kernel's name for it: "exits", "halt_poll_success_hist". */
  readonly name: string;
  /**
   * The kind of value: it only increases (`cumulative`), goes up and down (`instant`), is the highest so far (`peak`),
   * or is a histogram (`linear-hist`, `log-hist`); `unknown` for a kind of a newer kernel.
   */
  readonly type: 'cumulative' | 'instant' | 'peak' | 'linear-hist' | 'log-hist' | 'unknown';
  /** The unit. A `boolean` is 0 or 1; `none` is a plain number of events. */
  readonly unit: 'none' | 'bytes' | 'seconds' | 'cycles' | 'boolean' | 'unknown';
  /** The scale is `base` to the power of `exponent`: for nanoseconds, the unit is seconds, with 10 and -9. */
  readonly base: 10 | 2;
  readonly exponent: number;
  /** The number of values: 1, or for a histogram one per bucket. */
  readonly size: number;
  /**
   * The width of a bucket of a linear histogram, whose last bucket has all larger values. In a logarithmic histogram
   * the first bucket is for 0, the second for 1, and each further one is twice as wide as the one before. Otherwise 0.
   */
  readonly bucketSize: number;
}

/** A statistic with the offset of its numbers from the first ones, in bytes. */
export interface Placed extends Statistic {
  readonly offset: number;
}

/** The description at the start of a file of statistics. */
export interface Layout {
  /** The id of the object: "kvm-4711", "kvm-4711/vcpu-0". */
  readonly id: string;
  readonly statistics: readonly Placed[];
  /** The offset and the length of the numbers, in bytes. */
  readonly dataOffset: number;
  readonly dataLength: number;
}

/** A limit in bytes. Real files have some kilobytes. */
const longest = 2 ** 22;

/** Reads the description of a file of statistics. `read` returns exactly the requested number of bytes, or throws. */
export function readLayout(abi: Abi, read: (offset: number, length: number) => Uint8Array): Layout {
  const { KvmStatsHeader, KvmStatsDesc } = abi;
  const { nameSize, numDesc, idOffset, descOffset, dataOffset } = KvmStatsHeader.at(read(0, KvmStatsHeader.size));
  const step = KvmStatsDesc.size + nameSize;
  if (step * numDesc > longest) throw strange(`${numDesc} descriptions of ${step} bytes each`);
  const id = textOf(read(idOffset, nameSize));
  const all = read(descOffset, step * numDesc);
  const names = new Set<string>();
  let dataLength = 0;
  const statistics = Array.from({ length: numDesc }, (_, i) => {
    const statistic = statisticOf(abi, all.slice(i * step, (i + 1) * step));
    const { name, offset, size } = statistic;
    if (name === '' || names.has(name)) throw strange(`a statistic without a unique name: "${name}"`);
    names.add(name);
    dataLength = Math.max(dataLength, offset + size * 8);
    return statistic;
  });
  if (dataLength > longest) throw strange(`numbers ${dataLength} bytes away`);
  return { id, statistics, dataOffset, dataLength };
}

function statisticOf(abi: Abi, bytes: Uint8Array): Placed {
  const { StatsType, StatsUnit, StatsBase, KVM_STATS_TYPE_MASK, KVM_STATS_UNIT_MASK, KVM_STATS_BASE_MASK } = abi;
  const { flags, exponent, size, offset, bucketSize, name } = abi.KvmStatsDesc.at(bytes);
  const types: Readonly<Record<number, Statistic['type']>> = {
    [StatsType.Cumulative]: 'cumulative',
    [StatsType.Instant]: 'instant',
    [StatsType.Peak]: 'peak',
    [StatsType.LinearHist]: 'linear-hist',
    [StatsType.LogHist]: 'log-hist',
  };
  const units: Readonly<Record<number, Statistic['unit']>> = {
    [StatsUnit.None]: 'none',
    [StatsUnit.Bytes]: 'bytes',
    [StatsUnit.Seconds]: 'seconds',
    [StatsUnit.Cycles]: 'cycles',
    [StatsUnit.Boolean]: 'boolean',
  };
  const base = flags & KVM_STATS_BASE_MASK;
  if (base !== StatsBase.Pow10 && base !== StatsBase.Pow2) throw strange(`unknown base ${base}`);
  if (size === 0 || offset % 8 !== 0) throw strange(`${size} numbers at ${offset}`);
  return Object.freeze({
    name: textOf(name),
    type: types[flags & KVM_STATS_TYPE_MASK] ?? 'unknown',
    unit: units[flags & KVM_STATS_UNIT_MASK] ?? 'unknown',
    base: base === StatsBase.Pow2 ? 2 : 10,
    exponent,
    size,
    bucketSize,
    offset,
  });
}

/** The text before the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

function strange(what: string): KvmError {
  return new KvmError('ERR_KVM_UNSUPPORTED', `this kernel's statistics have an unknown format: ${what}`, {
    ioctl: 'KVM_GET_STATS_FD',
  });
}

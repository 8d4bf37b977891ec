import type { Abi } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';

/** One statistic: what it is called, and what its numbers mean. */
export interface Statistic {
  /** The kernel's name for it: "exits", "halt_poll_success_hist". */
  readonly name: string;
  /**
   * How it counts: up only (`cumulative`), up and down (`instant`), as the highest so far (`peak`), or how often it was how much
   * (`linear-hist`, `log-hist`); `unknown` in a kernel newer than these tables.
   */
  readonly type: 'cumulative' | 'instant' | 'peak' | 'linear-hist' | 'log-hist' | 'unknown';
  /** What it counts. A `boolean` is 0 or 1; `none` is a plain number of events. */
  readonly unit: 'none' | 'bytes' | 'seconds' | 'cycles' | 'boolean' | 'unknown';
  /** One of its numbers is that many times `base` to the power of `exponent` of its unit: nanoseconds are seconds with 10 and -9. */
  readonly base: 10 | 2;
  readonly exponent: number;
  /** How many numbers it has: 1, or for a histogram one a bucket. */
  readonly size: number;
  /**
   * How wide a bucket of a linear histogram is; the last one takes all that is more. Of a logarithmic one the first bucket is for 0, the
   * second for 1, and each further one for twice as many values as that before it. 0 elsewhere.
   */
  readonly bucketSize: number;
}

/** Where the numbers of a statistic lie: so many bytes behind the first ones. */
export interface Placed extends Statistic {
  readonly offset: number;
}

/** What a file of statistics says of itself. */
export interface Layout {
  /** Whose statistics they are: "kvm-4711", "kvm-4711/vcpu-0". */
  readonly id: string;
  readonly statistics: readonly Placed[];
  /** Where the numbers are, and how many bytes of them. */
  readonly dataOffset: number;
  readonly dataLength: number;
}

/** Real ones are some kilobytes long. */
const longest = 2 ** 22;

/** Reads the head of a file of statistics. `read` gives exactly as many bytes as it is asked for, or throws. */
export function readLayout(abi: Abi, read: (offset: number, length: number) => Uint8Array): Layout {
  const { KvmStatsHeader, KvmStatsDesc } = abi;
  const { nameSize, numDesc, idOffset, descOffset, dataOffset } = KvmStatsHeader.at(read(0, KvmStatsHeader.size));
  const step = KvmStatsDesc.size + nameSize;
  if (step * numDesc > longest) throw strange(`${numDesc} descriptions of ${step} bytes each`);
  const id = textOf(read(idOffset, nameSize));
  const all = read(descOffset, step * numDesc);
  const seen = new Set<string>();
  let dataLength = 0;
  const statistics = Array.from({ length: numDesc }, (_, i) => {
    const statistic = statisticOf(abi, all.slice(i * step, (i + 1) * step));
    const { name, offset, size } = statistic;
    if (name === '' || seen.has(name)) throw strange(`a statistic without a name of its own: "${name}"`);
    seen.add(name);
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
  if (base !== StatsBase.Pow10 && base !== StatsBase.Pow2) throw strange(`a base that is not known: ${base}`);
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

/** What stands before the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

function strange(what: string): KvmError {
  return new KvmError('ERR_KVM_UNSUPPORTED', `the statistics of this kernel are of a kind that is not known: ${what}`, {
    ioctl: 'KVM_GET_STATS_FD',
  });
}

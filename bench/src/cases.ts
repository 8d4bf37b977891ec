import type { BackendName } from '@kvm/core';

/** One measurement: every contender has a loop of this name. */
export interface Case {
  readonly name: string;
  /** The title in the table. */
  readonly title: string;
  /**
   * `sum`: a window repeats the loop for some milliseconds, and its duration is compared.
   * `value`: the loop returns the value to compare, a median or percentile of `count` turns.
   */
  readonly kind: 'sum' | 'value';
  /** The turns of a window, if they do not depend on time. */
  readonly count?: number;
  /** The limit, as a ratio to C. */
  readonly limits: Readonly<Record<BackendName, number>>;
  /** Needs two threads at once, so it cannot be bound to one core. */
  readonly needsTwoCores?: true;
}

export const cases: readonly Case[] = [
  sum('pio', 'PIO write exit, handled', 1.03, 1.09),
  sum('mmio', 'MMIO exit, handled', 1.03, 1.09),
  sum('read-registers', 'exit + read all registers', 0.72, 0.78),
  sum('change-registers', 'exit + read, change, write registers', 0.57, 0.62),
  sum('coalesced', 'port-write storm, coalesced ring', 0.35, 0.38),
  sum('doorbell', 'doorbell by ioeventfd', 0.35, 0.38),
  sum('check-extension', 'check extension', 1.45, 1.6),
  sum('get-registers', 'get registers by ioctl', 1.08, 1.2),
  sum('set-registers', 'set registers by ioctl', 1.08, 1.2),
  sum('open-to-halt', 'open /dev/kvm to first HLT, warm', 1.25, 1.35),
  sum('restore', 'restore of a small VM, to its first exit', 1.5, 1.5),
  { ...value('kick', 'kick to return, median', 20, 1.5, 2), needsTwoCores: true },
  value('p99.9', 'PIO exit, p99.9', 4000, 1.2, 1.2),
  sum('copy-in-4k', 'copy 4 KiB into guest memory', 1.3, 1.3),
  sum('copy-in-64k', 'copy 64 KiB into guest memory', 1.3, 1.3),
  sum('copy-in-1m', 'copy 1 MiB into guest memory', 1.3, 1.3),
  sum('copy-out-4k', 'copy 4 KiB out of guest memory', 1.3, 1.3),
  sum('copy-out-64k', 'copy 64 KiB out of guest memory', 1.3, 1.3),
  sum('copy-out-1m', 'copy 1 MiB out of guest memory', 1.3, 1.3),
];

function sum(name: string, title: string, native: number, ffi: number): Case {
  return { name, title, kind: 'sum', limits: { native, ffi } };
}

function value(name: string, title: string, count: number, native: number, ffi: number): Case {
  return { name, title, kind: 'value', count, limits: { native, ffi } };
}

import { summary } from '../rounds/statistics.js';
import { aligned } from '../table.js';

/** One boot of a monitor. Times are in seconds. */
export interface BootResult {
  readonly monitor: string;
  readonly cpus: number;
  /** From the start of the process to the first KVM_RUN. */
  readonly start: number;
  /** From the first KVM_RUN to the first byte of init. */
  readonly boot: number;
  readonly exits: Readonly<Record<string, number>>;
  readonly accesses: Readonly<Record<string, number>>;
}

/** The goals: the boot takes no more than this part of the best other monitor's, and leaves the guest so often. */
const bootPart = 0.92;
const mostExits = 2000;
const own = 'kvm-cli';
const comparedTotal = 'QEMU microvm';

/** The medians as Markdown: a table of times, the kinds of exits, and what is over its goal. */
export function bootTable(results: readonly BootResult[]): string {
  const groups = grouped(results);
  const rows = groups.map(rowOf);
  const times = aligned([
    ['monitor', 'CPUs', 'to the first KVM_RUN, s', 'to init, s', 'total, s', 'exits'],
    ...rows.map(({ monitor, cpus, start, boot, total, exits }) => [
      monitor,
      `${cpus}`,
      start.toFixed(2),
      boot.toFixed(2),
      total.toFixed(2),
      exits.toFixed(0),
    ]),
  ]);
  const kinds = groups.map((group) => `- ${titleOf(group)}: ${listOf(group, 'exits')}; ${listOf(group, 'accesses')}`);
  const over = [...new Set(rows.map(({ cpus }) => cpus))].flatMap((cpus) =>
    overGoal(rows.filter((row) => row.cpus === cpus)),
  );
  return `${times}\n\n${kinds.join('\n')}\n\n${over.length === 0 ? 'All goals are met.' : over.join('\n')}\n`;
}

/** The boots of each monitor with each number of CPUs. */
function grouped(results: readonly BootResult[]): BootResult[][] {
  const groups = new Map<string, BootResult[]>();
  for (const result of results) {
    const key = `${result.cpus} ${result.monitor}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()];
}

function titleOf(group: readonly BootResult[]): string {
  const { monitor, cpus } = group[0] as BootResult;
  return `${monitor}, ${processors(cpus)}`;
}

function processors(count: number): string {
  return `${count} CPU${count === 1 ? '' : 's'}`;
}

interface Row {
  readonly monitor: string;
  readonly cpus: number;
  readonly start: number;
  readonly boot: number;
  readonly total: number;
  readonly exits: number;
}

function rowOf(group: readonly BootResult[]): Row {
  const { monitor, cpus } = group[0] as BootResult;
  const median = (of: (result: BootResult) => number): number => summary(group.map(of)).median;
  return {
    monitor,
    cpus,
    start: median(({ start }) => start),
    boot: median(({ boot }) => boot),
    total: median(({ start, boot }) => start + boot),
    exits: median(({ exits }) => sum(exits)),
  };
}

function overGoal(rows: readonly Row[]): string[] {
  const mine = rows.find(({ monitor }) => monitor === own);
  const others = rows.filter((row) => row !== mine);
  if (mine === undefined || others.length === 0) return [];
  const best = Math.min(...others.map(({ boot }) => boot));
  const total = others.find(({ monitor }) => monitor === comparedTotal)?.total ?? Number.POSITIVE_INFINITY;
  const over = (what: string, value: number, goal: number): string[] =>
    value > goal
      ? [`- Over its goal with ${processors(mine.cpus)}: ${what}, ${value.toFixed(2)} instead of ${goal}`]
      : [];
  return [
    ...over('the boot, as a part of the best other one', mine.boot / best, bootPart),
    ...over('exits until init', mine.exits, mostExits),
    ...over(`the total, as a part of that of ${comparedTotal}`, mine.total / total, 1),
  ];
}

/** The most frequent kinds of one of the boots. */
function listOf(group: readonly BootResult[], what: 'exits' | 'accesses'): string {
  const most = 12;
  const counts = Object.entries(group[0]?.[what] ?? {}).toSorted(([, a], [, b]) => b - a);
  return counts
    .slice(0, most)
    .map(([name, times]) => `${times} ${name}`)
    .join(', ');
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0);
}

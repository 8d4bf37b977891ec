import { execFileSync } from 'node:child_process';
import { backendNames } from '@kvm/core';
import { summary } from '../rounds/statistics.js';
import { aligned } from '../table.js';

/** The cost of the package before it is used, and its limit. */
export interface Cost {
  readonly title: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
}

const rounds = 15;
const cli = new URL('../../../packages/kvm-cli/dist/main.js', import.meta.url).pathname;

export function costs(): Cost[] {
  const time = (args: readonly string[]): number => {
    const start = process.hrtime.bigint();
    node(args);
    return Number(process.hrtime.bigint() - start) / 1e6;
  };
  const core = `import ${JSON.stringify(import.meta.resolve('@kvm/core'))}`;
  // In turns, like all measurements here. The difference is taken within a round.
  const times = Array.from({ length: rounds }, () => {
    const nothing = time(['--input-type=module', '-e', '']);
    return { over: time(['--input-type=module', '-e', core]) - nothing, help: time([cli, '--help']) };
  });
  const median = (of: keyof (typeof times)[number]): number => summary(times.map((each) => each[of])).median;
  return [
    { title: 'import of @kvm/core, over an empty module', value: median('over'), unit: 'ms', limit: 40 },
    { title: 'kvm-cli --help', value: median('help'), unit: 'ms', limit: 120 },
    ...backendNames.flatMap((backend) => resident(backend)),
    ...machines(),
    hop(),
    ...backendNames.map((backend) => collections(backend)),
  ];
}

/** The costs as Markdown. */
export function costTable(paid: readonly Cost[]): string {
  if (paid.length === 0) return '';
  const rows = paid.map(({ title, value, unit, limit }) => [
    title,
    `${value.toFixed(unit === '' ? 0 : 2)} ${unit}`.trim(),
    `${limit}${value > limit ? ' over' : ''}`,
  ]);
  return aligned([['what', 'value', 'limit'], ...rows]);
}

/** The memory that an untouched VM of 128 MiB adds to an idle process, and that each further one adds. */
function resident(backend: string): Cost[] {
  const program = new URL('./resident.js', import.meta.url).pathname;
  const [first, further] = JSON.parse(node([program, backend])) as [number, number];
  return [
    { title: `resident for a VM of 128 MiB, ${backend}`, value: first / 2 ** 20, unit: 'MiB', limit: 12 },
    { title: `resident for each further VM, ${backend}`, value: further / 2 ** 20, unit: 'MiB', limit: 1 },
  ];
}

/** The memory of a process with machines of one CPU, beyond what their guests touch. */
function machines(): Cost[] {
  const [first, further] = JSON.parse(node([new URL('./machines.js', import.meta.url).pathname])) as [number, number];
  return [
    { title: 'resident for a machine of @kvm/vmm, with Node', value: first / 2 ** 20, unit: 'MiB', limit: 80 },
    { title: 'resident for each further machine', value: further / 2 ** 20, unit: 'MiB', limit: 15 },
  ];
}

/** A register of a device, which another thread answers. */
function hop(): Cost {
  const value = Number(node([new URL('./hop.js', import.meta.url).pathname]));
  return { title: 'access to a device, over an exit without one', value, unit: 'times', limit: 3 };
}

/** Garbage collections during a million exits. */
function collections(backend: string): Cost {
  const value = Number(node(['--expose-gc', new URL('./collections.js', import.meta.url).pathname, backend]));
  return { title: `garbage collections in a million exits, ${backend}`, value, unit: '', limit: 0 };
}

function node(args: readonly string[]): string {
  return execFileSync(process.execPath, args, { encoding: 'utf8' });
}

import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { backendNames } from '@kvm/core';
import { Command, InvalidArgumentError } from 'commander';
import { bootInLab } from './boot/lab.js';
import { buildBaseline, buildGo } from './build.js';
import { type Case, cases } from './cases.js';
import { plotGrowth } from './growth/plot.js';
import { type Cost, costs, costTable } from './process/costs.js';
import { Contender } from './rounds/contender.js';
import { measure } from './rounds/rounds.js';
import { limitOf, type Row, table } from './table.js';

interface Options {
  readonly filter?: RegExp;
  readonly json?: boolean;
  readonly rounds: number;
  readonly growth?: string;
  readonly lab?: boolean;
}

/**
 * The core for all contenders, so that they share a cache and its neighbours. The first core handles the machine's
 * interrupts.
 */
const core = Math.min(1, cpus().length - 1);

/** The exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('bench')
    .description('Measures @kvm/core as a ratio to C, in the same run. Nothing else should run meanwhile.')
    .option('--filter <regex>', 'run only the cases whose name or title matches', pattern)
    .option('--json', 'print the results as JSON')
    .option('--rounds <count>', 'windows per contender and case', count, 40)
    .option('--growth <file>', 'only draw into an SVG file how cost grows with vCPUs, VMs, slots and RAM')
    .option('--lab', 'only boot Linux in a lab, in kvm-cli and in other monitors, five times each')
    .exitOverride();
  let options: Options;
  try {
    options = program.parse(argv).opts<Options>();
  } catch (error) {
    return (error as { exitCode?: number }).exitCode ?? 2;
  }
  if (options.growth !== undefined) {
    const { kernel, cpu, node } = host();
    plotGrowth(options.growth, `${new Date().toISOString().slice(0, 10)}, Linux ${kernel}, ${cpu}, Node ${node}`);
    return 0;
  }
  if (options.lab === true) return bootInLab(options.json === true ? ['json'] : []);
  const wanted = cases.filter(({ name, title }) => options.filter?.test(name) !== false || options.filter.test(title));
  try {
    const rows = await measureAll(wanted, options);
    const paid = options.filter === undefined ? costs() : [];
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(report(rows, paid), undefined, 2)}\n`
        : `${[table(rows), costTable(paid)].join('\n\n')}\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

async function measureAll(wanted: readonly Case[], { rounds }: Options): Promise<Row[]> {
  const commands = contenders();
  const rows: Row[] = [];
  for (const needsTwoCores of [false, true]) {
    const some = wanted.filter((each) => (each.needsTwoCores ?? false) === needsTwoCores);
    if (some.length === 0) continue;
    const running = commands.map(({ name, command }) => new Contender(name, command, needsTwoCores ? undefined : core));
    try {
      for (const measured of some) {
        process.stderr.write(`${measured.title}\n`);
        rows.push({ measured, results: await measure(measured, running, { rounds, window: 15 }) });
      }
    } finally {
      await Promise.all(running.map((each) => each.close()));
    }
  }
  return rows;
}

function contenders(): { name: string; command: readonly string[] }[] {
  const own = (backend: string): string[] => [
    process.execPath,
    join(import.meta.dirname, 'contenders', 'main.js'),
    backend,
  ];
  const baseline = buildBaseline();
  const go = buildGo();
  return [
    { name: 'c', command: baseline },
    ...backendNames.map((name) => ({ name, command: own(name) })),
    { name: 'c, 2 threads', command: [...baseline, 'two threads'] },
    ...(go === undefined ? [] : [{ name: 'go', command: go }]),
  ];
}

/** The JSON output: the machine and the results. */
function report(rows: readonly Row[], paid: readonly Cost[]): object {
  return {
    date: new Date().toISOString(),
    host: host(),
    costs: paid,
    cases: rows.map(({ measured, results }) => ({
      name: measured.name,
      title: measured.title,
      results: results.map((result) => ({ ...result, limit: limitOf(measured, result.contender) })),
    })),
  };
}

function host(): { kernel: string; cpu: string; cores: number; node: string } {
  return { kernel: release(), cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be an integer of at least 1');
  return value;
}

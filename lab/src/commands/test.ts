import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architectures, findArchitecture } from '../architecture/index.js';
import { withScratch } from '../cache.js';
import { LabError } from '../errors.js';
import { TerminalProgress } from '../progress.js';
import { addKoffi, buildAddon, checkout, compileTests } from '../suites/layer.js';
import { type Place, runSuites, testFiles } from '../suites/run-suites.js';
import { type MachineResults, table } from '../suites/table.js';

export interface TestFlags {
  kernel: string[];
  arch: string[];
  jobs: number;
}

/** Runs @kvm/core's suites in labs. Gives the status: 0 where no test fails. */
export async function test(filters: readonly string[], flags: TestFlags, signal: AbortSignal): Promise<number> {
  const names = flags.arch.length > 0 ? flags.arch : architectures.map(({ name }) => name);
  const places = names.map(findArchitecture).flatMap((architecture): Place[] => {
    const kernels = flags.kernel.length > 0 ? flags.kernel : architecture.testedKernels;
    return kernels.map((kernel) => ({ architecture, kernel }));
  });
  const all = testFiles();
  const filesWith = (parts: readonly string[]): string[] =>
    all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (filesWith(filters).length === 0) throw new LabError(`no test file has ${filters.join(' or ')} in its path`);

  const progress = new TerminalProgress();
  const machines: MachineResults[] = [];
  await withScratch(async (scratch) => {
    await compileTests(scratch);
    for (const architecture of new Set(places.map((place) => place.architecture))) {
      if (architecture.node === process.arch) continue;
      const said = await buildAddon(architecture);
      if (said !== '') progress.note(said);
      await addKoffi(architecture, scratch);
    }
    const run = async (place: Place): Promise<void> => {
      const title = `${place.architecture.name} ${place.kernel}`;
      const print = (text: string): void => {
        if (text !== '') process.stdout.write(`${text.replaceAll(/^/gm, `[${title}] `)}\n`);
      };
      const files = filesWith(filters.length > 0 ? filters : (place.architecture.testedFiles ?? []));
      const results = await runSuites(place, files, [scratch], { progress, signal, print }).catch((error: unknown) => {
        // The other machines' results are worth having.
        if (!(error instanceof LabError) || signal.aborted) throw error;
        print(error.message);
        return unusable(place, error);
      });
      // In their order, whichever ends first.
      machines[places.indexOf(place)] = results;
      report(results);
    };
    await sideBySide(places, flags.jobs, run);
  });
  process.stdout.write(`\n${table(machines)}\n`);
  const tests = machines.flatMap((machine) => machine.tests);
  const count = (state: string): number => tests.filter((one) => one.state === state).length;
  const summary = {
    success: count('failed') === 0,
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('skipped'),
    numTodoTests: 0,
    machines,
  };
  writeFileSync(join(checkout, 'lab/test-results-lab.json'), JSON.stringify(summary));
  return summary.success ? 0 : 1;
}

/** The results of a machine that there was none of. */
function unusable({ architecture, kernel }: Place, { message, console = '' }: LabError): MachineResults {
  const test = {
    file: `${checkout}/lab`,
    name: 'the lab itself',
    milliseconds: 0,
    why: `${message}\n${console}`.trim(),
  };
  return { architecture: architecture.name, kernel, seconds: 0, tests: [{ ...test, state: 'failed' }] };
}

/** How long a machine's tests took. */
function report({ architecture, kernel, seconds, tests }: MachineResults): void {
  const failed = tests.filter(({ state }) => state === 'failed').length;
  process.stdout.write(`${architecture} ${kernel}: ${tests.length} tests, ${failed} failed, ${seconds.toFixed(0)} s\n`);
}

/** Does the work for every item, so many at a time, in their order. */
async function sideBySide<T>(items: readonly T[], count: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: count }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  // None is left behind, whatever becomes of another.
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { architectures, findArchitecture } from '../architecture/index.js';
import { withScratch } from '../cache.js';
import { LabError } from '../errors.js';
import { TerminalProgress } from '../progress.js';
import { addKoffi, buildAddon, checkout, compileTests } from '../suites/layer.js';
import { type Place, Suites } from '../suites/run-suites.js';
import { type MachineResults, table } from '../suites/table.js';
import { type PackageName, packageFolder, packageNames, testFiles } from '../suites/test-files.js';

export interface TestFlags {
  kernel: string[];
  arch: string[];
  package: string[];
  jobs: number;
}

/** Runs the suites of packages in labs. Returns the exit status: 0 if no test fails. */
export async function test(filters: readonly string[], flags: TestFlags, signal: AbortSignal): Promise<number> {
  const names = flags.arch.length > 0 ? flags.arch : architectures.map(({ name }) => name);
  const places = names.map(findArchitecture).flatMap((architecture): Place[] => {
    const kernels = flags.kernel.length > 0 ? flags.kernel : architecture.testedKernels;
    return kernels.map((kernel) => ({ architecture, kernel }));
  });
  const packages = packagesNamed(flags.package.length > 0 ? flags.package : ['core']);
  const filesFor = (architecture: Architecture): string[] => {
    const parts = filters.length > 0 ? filters : (architecture.testedFiles ?? ['']);
    return testFiles(packages, architecture).filter((file) => parts.some((part) => file.includes(part)));
  };
  if (places.every(({ architecture }) => filesFor(architecture).length === 0))
    throw new LabError(
      filters.length > 0
        ? `no test file has ${filters.join(' or ')} in its path`
        : `${packages.join(', ')}: no tests for ${names.join(', ')}`,
    );

  const progress = new TerminalProgress();
  const suites: Suites[] = [];
  await withScratch(async (scratch) => {
    const layer = join(scratch, 'layer');
    for (const name of packages) await compileTests(packageFolder(name), layer);
    for (const architecture of new Set(places.map((place) => place.architecture))) {
      if (architecture.node === process.arch) continue;
      const said = await buildAddon(architecture);
      if (said !== '') progress.note(said);
      await addKoffi(architecture, layer);
    }
    for (const [index, place] of places.entries()) {
      const title = `${place.architecture.name} ${place.kernel}`;
      const print = (text: string): void => {
        if (text !== '') process.stdout.write(`${text.replaceAll(/^/gm, `[${title}] `)}\n`);
      };
      suites.push(
        new Suites(place, filesFor(place.architecture), join(scratch, `queue${index}`), [layer], {
          progress,
          signal,
          print,
        }),
      );
    }
    await sideBySide(suites, flags.jobs);
  });
  const machines = suites.map(({ results }) => results);
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

function packagesNamed(names: readonly string[]): PackageName[] {
  const unknown = names.find((name) => !packageNames.some((known) => known === name));
  if (unknown !== undefined) throw new LabError(`unknown package ${unknown}; known are ${packageNames.join(', ')}`);
  return packageNames.filter((name) => names.includes(name));
}

/** The duration of the tests of a place. */
function report({ architecture, kernel, seconds, tests }: MachineResults): void {
  const failed = tests.filter(({ state }) => state === 'failed').length;
  process.stdout.write(`${architecture} ${kernel}: ${tests.length} tests, ${failed} failed, ${seconds.toFixed(0)} s\n`);
}

/** Runs this many machines at a time: all of them in the first place, and in the next one when no file is left. */
async function sideBySide(suites: readonly Suites[], count: number): Promise<void> {
  const lanes = Array.from({ length: count }, async () => {
    for (const place of suites) if (!place.isOver && (await place.work())) report(place.results);
  });
  // All machines end before this returns, even if one fails.
  const ends = await Promise.allSettled(lanes);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { LabError, StoppedError } from '../errors.js';
import { type LabIo, runLab } from '../lab.js';
import { checkout, core } from './layer.js';
import { Results, type TestResult } from './results.js';
import type { MachineResults } from './table.js';

/** A machine the suites run in. */
export interface Place {
  architecture: Architecture;
  kernel: string;
}

const runner = join(checkout, 'lab/dist/guest/run-tests.js');

/**
 * What holds of the checkout and not of a kernel: vitest compiles and compares files for these. And what would take longer
 * here than all the rest: thousands of VMs, tens of thousands of kicks.
 */
const notForLabs = /^(?:(?:docs|coverage|seed|cycles|garbage|kicks)\.test|runtimes)/;

/** The test files, as they are called once they are compiled. */
export function testFiles(): string[] {
  return ['src', 'test', 'conformance'].flatMap((folder) =>
    readdirSync(join(core, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !notForLabs.test(name))
      .map((name) => join(core, folder, name.replace(/\.ts$/, '.js')))
      .toSorted(),
  );
}

/** A test that failed, and why. */
export function describeFailure({ file, name, why = '' }: TestResult): string {
  return `FAILED ${file.slice(checkout.length + 1)}: ${name}\n${why.replaceAll(/^/gm, '    ')}`;
}

/** How long a single test may take before its machine is given up, in seconds. */
const patience = 240;

/**
 * Runs test files in a machine; in another one, what a machine that died has left. Each test that was running when its
 * machine ended has failed.
 */
export async function runSuites(
  place: Place,
  files: readonly string[],
  layers: readonly string[],
  io: Pick<LabIo, 'progress' | 'signal'> & { print(text: string): void },
): Promise<MachineResults> {
  const begun = Date.now();
  const tests: TestResult[] = [];
  let kernel = place.kernel;
  let waiting = [...files];
  let attempts = 0;
  while (waiting.length > 0) {
    const results = new Results(waiting);
    const end = await runOnce(place, results, layers, io);
    kernel = end.kernel ?? kernel;
    if (end.why !== undefined && !results.giveUp(end.why)) {
      // A machine that did not come up is worth one more attempt.
      if (++attempts === 2 || io.signal.aborted) throw end.error;
      io.progress.note(`${place.architecture.name} ${kernel}: ${end.why}; trying once more`);
    }
    const lost = results.tests.at(-1);
    if (end.why !== undefined && lost !== undefined) io.print(describeFailure(lost));
    tests.push(...results.tests);
    waiting = results.waiting;
    if (io.signal.aborted) throw io.signal.reason;
  }
  return { architecture: place.architecture.name, kernel, seconds: (Date.now() - begun) / 1000, tests };
}

interface End {
  kernel?: string;
  /** Why it ended before its time. */
  why?: string;
  error?: unknown;
}

async function runOnce(
  { architecture, kernel }: Place,
  results: Results,
  layers: readonly string[],
  io: Pick<LabIo, 'progress' | 'signal'> & { print(text: string): void },
): Promise<End> {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort(io.signal.reason);
  io.signal.addEventListener('abort', interrupted);
  let watchdog: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(watchdog);
    watchdog = setTimeout(
      () => stop.abort(new StoppedError(`it said nothing for ${patience} s`, 124)),
      patience * 1000,
    );
  };
  try {
    alive();
    const { status, kernel: version } = await runLab(
      {
        architecture,
        kernel,
        command: ['node', '--no-warnings', runner, ...results.waiting],
        cpus: 1,
        memory: 1536,
        shares: [],
        layers,
        folder: core,
        environment: { HOME: '/tmp', KVM_SAFETY_SECONDS: '6' },
      },
      {
        progress: io.progress,
        signal: stop.signal,
        onOutput: (chunk) => {
          alive();
          const before = results.tests.length;
          io.print(results.add(chunk));
          // At once: the person may not wait for the rest.
          for (const test of results.tests.slice(before)) if (test.state === 'failed') io.print(describeFailure(test));
        },
        onErrors: (chunk) => io.print(chunk.toString().trimEnd()),
      },
    );
    return status === 0 ? { kernel: version } : { kernel: version, why: `its process ended with status ${status}` };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { why: error.console ? `${error.message}\n${error.console}` : error.message, error };
  } finally {
    clearTimeout(watchdog);
    io.signal.removeEventListener('abort', interrupted);
  }
}

import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { LabError, StoppedError } from '../errors.js';
import { put, waiting } from '../guest/queue.js';
import { type LabIo, runLab } from '../lab.js';
import { checkout } from './layer.js';
import { Results, type TestResult } from './results.js';
import type { MachineResults } from './table.js';

/** A place: machines of one kind in which suites run. */
export interface Place {
  architecture: Architecture;
  kernel: string;
}

const runner = join(checkout, 'lab/dist/guest/run-tests.js');

/** Describes a failed test and the reason. */
export function describeFailure({ file, name, why = '' }: TestResult): string {
  return `FAILED ${file.slice(checkout.length + 1)}: ${name}\n${why.replaceAll(/^/gm, '    ')}`;
}

/** The time limit of a single test in seconds. After that its machine is given up. */
const patience = 240;

export type SuitesIo = Pick<LabIo, 'progress' | 'signal'> & { print(text: string): void };

/**
 * The suites in one place: their files, the machines that run them, and the reports. The test that was running when its
 * machine ended has failed. Another machine runs the files that are left.
 */
export class Suites {
  readonly #place: Place;
  readonly #queue: string;
  readonly #layers: readonly string[];
  readonly #io: SuitesIo;
  readonly #tests: TestResult[] = [];
  readonly #unfinished: Set<string>;
  #kernel: string;
  #begun: number | undefined;
  #seconds = 0;
  #machines = 0;
  /** The number of machines that have not taken their first file yet. */
  #booting = 0;
  /** Why the last machine failed to boot. */
  #failure = '';

  /** @param queue The folder in which the queue is created. */
  constructor(place: Place, files: readonly string[], queue: string, layers: readonly string[], io: SuitesIo) {
    this.#place = place;
    this.#unfinished = new Set(files);
    this.#layers = layers;
    this.#io = io;
    this.#kernel = place.kernel;
    mkdirSync(queue);
    // In the machine it is mounted at its own path, which must contain no link.
    this.#queue = realpathSync(queue);
    put(this.#queue, files);
  }

  get isOver(): boolean {
    return this.#begun !== undefined && this.#machines === 0;
  }

  get results(): MachineResults {
    const { name } = this.#place.architecture;
    return { architecture: name, kernel: this.#kernel, seconds: this.#seconds, tests: this.#tests };
  }

  /** Runs one machine after the other until no file is left. Returns whether this was the last lane. */
  async work(): Promise<boolean> {
    this.#begun ??= Date.now();
    this.#machines++;
    try {
      // A machine that does not boot gets one more attempt.
      for (let failures = 0; failures < 2 && this.#hasWork(); ) {
        const cameUp = await this.#runMachine();
        failures = cameUp ? 0 : failures + 1;
        if (failures === 1) this.#io.progress.note(`${this.#title}: ${this.#failure}; retrying once`);
      }
    } finally {
      this.#machines--;
      this.#seconds = (Date.now() - this.#begun) / 1000;
    }
    if (this.isOver && this.#unfinished.size > 0) this.#giveUp();
    return this.isOver;
  }

  get #title(): string {
    return `${this.#place.architecture.name} ${this.#kernel}`;
  }

  #hasWork(): boolean {
    const count = waiting(this.#queue);
    if (count > 0 || this.#machines > 1) return count > this.#booting;
    // No machine has the remaining files: they were taken by machines that ended before they reported anything.
    put(this.#queue, [...this.#unfinished]);
    return this.#unfinished.size > 0;
  }

  /** Returns whether it booted. */
  async #runMachine(): Promise<boolean> {
    const { signal, print } = this.#io;
    signal.throwIfAborted();
    const results = new Results();
    const end = await this.#boot(results);
    this.#kernel = end.kernel ?? this.#kernel;
    const cameUp = results.hasBegun || (end.why === undefined && waiting(this.#queue) === 0);
    if (!cameUp) this.#failure = end.why ?? 'it took no test file';
    if (end.why !== undefined && results.giveUp(end.why)) {
      for (const lost of results.tests.slice(-1)) print(describeFailure(lost));
    }
    this.#tests.push(...results.tests);
    for (const file of results.ended) this.#unfinished.delete(file);
    signal.throwIfAborted();
    return cameUp;
  }

  /** No machine boots for the files that are left. */
  #giveUp(): void {
    const test = { file: join(checkout, 'lab'), name: 'the lab itself', milliseconds: 0, why: this.#failure };
    const lost: TestResult = { ...test, state: 'failed' };
    this.#tests.push(lost);
    this.#io.print(describeFailure(lost));
  }

  async #boot(results: Results): Promise<End> {
    const { architecture, kernel } = this.#place;
    const { progress, signal, print } = this.#io;
    const stop = new AbortController();
    const interrupted = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', interrupted);
    let watchdog: NodeJS.Timeout | undefined;
    const alive = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(new StoppedError(`no output for ${patience} s`, 124)), patience * 1000);
    };
    let isBooting = true;
    this.#booting++;
    const booted = (): void => {
      if (isBooting) this.#booting--;
      isBooting = false;
    };
    try {
      alive();
      const { status, kernel: version } = await runLab(
        {
          architecture,
          kernel,
          command: ['node', '--no-warnings', runner, this.#queue],
          cpus: 1,
          memory: 1536,
          shares: [this.#queue],
          layers: this.#layers,
          folder: checkout,
          environment: { HOME: '/tmp', KVM_SAFETY_SECONDS: '1', ...seed() },
        },
        {
          progress,
          signal: stop.signal,
          onOutput: (chunk) => {
            alive();
            const before = results.tests.length;
            print(results.add(chunk));
            if (results.hasBegun) booted();
            // Printed at once, because the user may not wait for the rest.
            for (const test of results.tests.slice(before)) if (test.state === 'failed') print(describeFailure(test));
          },
          onErrors: (chunk) => print(chunk.toString().trimEnd()),
        },
      );
      if (status === 0 && !results.isRunning) return { kernel: version };
      return { kernel: version, why: `its process ended with status ${status}` };
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      return { why: error.console ? `${error.message}\n${error.console}` : error.message };
    } finally {
      booted();
      clearTimeout(watchdog);
      signal.removeEventListener('abort', interrupted);
    }
  }
}

interface End {
  kernel?: string;
  /** Why it ended early. */
  why?: string;
}

/** What random tests begin with, where somebody says so. */
function seed(): Record<string, string> {
  const { KVM_TEST_SEED } = process.env;
  return KVM_TEST_SEED === undefined ? {} : { KVM_TEST_SEED };
}

import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { LabError, StoppedError } from '../errors.js';
import { put, waiting } from '../guest/queue.js';
import { type LabIo, runLab } from '../lab.js';
import { checkout } from './layer.js';
import { Results, type TestResult } from './results.js';
import type { MachineResults } from './table.js';

/** Where suites run: in machines of this kind. */
export interface Place {
  architecture: Architecture;
  kernel: string;
}

const runner = join(checkout, 'lab/dist/guest/run-tests.js');

/** A test that failed, and why. */
export function describeFailure({ file, name, why = '' }: TestResult): string {
  return `FAILED ${file.slice(checkout.length + 1)}: ${name}\n${why.replaceAll(/^/gm, '    ')}`;
}

/** How long a single test may take before its machine is given up, in seconds. */
const patience = 240;

export type SuitesIo = Pick<LabIo, 'progress' | 'signal'> & { print(text: string): void };

/**
 * The suites in one place: their files, as many machines as come to run them, and what these tell. Each test that was running
 * when its machine ended has failed; what such a machine has left is run in another one.
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
  /** The machines that will take a file, and have not yet. */
  #booting = 0;
  /** Why the last machine that did not come up did not. */
  #failure = '';

  /** @param queue Where a folder for the files is made. */
  constructor(place: Place, files: readonly string[], queue: string, layers: readonly string[], io: SuitesIo) {
    this.#place = place;
    this.#unfinished = new Set(files);
    this.#layers = layers;
    this.#io = io;
    this.#kernel = place.kernel;
    mkdirSync(queue);
    // In a machine it is mounted where it is, which no link must hide.
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

  /** Runs one machine after the other until no file is left for it. Gives whether this was the last. */
  async work(): Promise<boolean> {
    this.#begun ??= Date.now();
    this.#machines++;
    try {
      // A machine that does not come up is worth one more attempt.
      for (let failures = 0; failures < 2 && this.#hasWork(); ) {
        const cameUp = await this.#runMachine();
        failures = cameUp ? 0 : failures + 1;
        if (failures === 1) this.#io.progress.note(`${this.#title}: ${this.#failure}; trying once more`);
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
    // Nobody has what is left: it was taken by machines that came to no word about it.
    put(this.#queue, [...this.#unfinished]);
    return this.#unfinished.size > 0;
  }

  /** Gives whether it came up. */
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

  /** No machine comes up for the files that are left. */
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
      watchdog = setTimeout(
        () => stop.abort(new StoppedError(`it said nothing for ${patience} s`, 124)),
        patience * 1000,
      );
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
          environment: { HOME: '/tmp', KVM_SAFETY_SECONDS: '1' },
        },
        {
          progress,
          signal: stop.signal,
          onOutput: (chunk) => {
            alive();
            const before = results.tests.length;
            print(results.add(chunk));
            if (results.hasBegun) booted();
            // At once: the person may not wait for the rest.
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
  /** Why it ended before its time. */
  why?: string;
}

/**
 * Runs test files like vitest, but with its runner, `expect` and `vi` in one process. vitest's compiler and processes
 * take minutes under emulation and do not exist for every architecture.
 *
 *     node run-tests.js QUEUE
 *
 * QUEUE is a folder that several machines may share: see queue.ts.
 */
import { existsSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  startTests,
  type Task,
  type TaskResult,
  type Test,
  type VitestRunner,
  type VitestRunnerConfig,
} from '@vitest/runner';
import { take } from './queue.js';
import { type Report, writeReport } from './report.js';

// vitest looks here for the state that its own process would have set.
Object.assign(globalThis, { __vitest_worker__: { config: {}, ctx: {}, environment: {}, metaEnv: process.env } });
const { expect } = await import('vitest');

const config = {
  root: process.cwd(),
  setupFiles: [],
  name: undefined,
  passWithNoTests: false,
  testNamePattern: undefined,
  allowOnly: false,
  sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
  chaiConfig: undefined,
  maxConcurrency: 1,
  // Everything takes longer on an emulated machine.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  retry: 0,
  includeTaskLocation: false,
  tags: [],
  tagsFilter: undefined,
  strictTags: false,
} satisfies VitestRunnerConfig;

function tell(report: Report): void {
  writeSync(1, writeReport(report));
}

function nameOf(task: Task): string {
  return task.suite === undefined || task.suite.name === '' ? task.name : `${nameOf(task.suite)} > ${task.name}`;
}

function whyOf(task: Task): string {
  const errors = task.result?.errors ?? [];
  return errors
    .map(({ name, message, stack, diff }) => [stack ?? `${name}: ${message}`, diff ?? ''].join('\n'))
    .join('\n')
    .trim();
}

class Runner implements VitestRunner {
  readonly config = config;
  readonly told = new Set<Task>();
  readonly #begun = new Map<Task, number>();
  readonly #file: string;
  #said = '';

  constructor(file: string) {
    this.#file = file;
  }

  async importFile(path: string): Promise<unknown> {
    const write = process.stdout.write;
    process.stdout.write = (chunk: string | Uint8Array): boolean => {
      this.#said += chunk.toString();
      return true;
    };
    try {
      return await import(pathToFileURL(path).href);
    } finally {
      process.stdout.write = write;
    }
  }

  onCollected(): void {
    tell({ kind: 'file', file: this.#file, said: this.#said });
  }

  onBeforeTryTask(test: Test): void {
    this.#begun.set(test, performance.now());
    tell({ kind: 'begin', file: this.#file, name: nameOf(test) });
    expect.setState({ assertionCalls: 0, currentTestName: nameOf(test) });
  }

  /** Reported at once, because the next test may crash the process. */
  onTaskFinished(test: Test): void {
    const begun = this.#begun.get(test);
    tellResults(this.#file, test, this.told, begun === undefined ? 0 : performance.now() - begun);
    this.told.add(test);
  }

  extendTaskContext<T extends object>(context: T): T {
    return Object.assign(context, { expect });
  }
}

/** Reports the result of a test, or of all unreported tests of a suite. */
function tellResults(file: string, task: Task, told: ReadonlySet<Task>, duration = 0): void {
  if (task.type === 'suite') {
    const why = task.result?.state === 'fail' ? whyOf(task) : '';
    if (why !== '') tell({ kind: 'error', file, why });
    for (const child of task.tasks) tellResults(file, child, told);
  } else if (!told.has(task)) {
    const { state }: Partial<TaskResult> = task.result ?? {};
    // The argument of `context.skip`, a field that is missing in the types.
    const { note } = (task.result ?? {}) as { note?: string };
    const ended = state === 'pass' ? 'passed' : state === 'fail' ? 'failed' : 'skipped';
    const why = ended === 'failed' ? whyOf(task) : note;
    const milliseconds = Math.round(duration);
    tell({ kind: 'end', file, name: nameOf(task), state: ended, milliseconds, ...(why === undefined ? {} : { why }) });
  }
}

/** The folder of a file's package, in which vitest would run it. */
function packageOf(file: string): string {
  const folder = dirname(file);
  return existsSync(join(folder, 'package.json')) ? folder : packageOf(folder);
}

const [, , queue] = process.argv;
if (queue === undefined) throw new Error('no queue given');
for (const file of take(queue)) {
  tell({ kind: 'taken', file });
  process.chdir(packageOf(file));
  const runner = new Runner(file);
  const [result] = await startTests([file], runner);
  if (result !== undefined) tellResults(file, result, runner.told);
  tell({ kind: 'done', file });
}
// A Worker or a handle that a test left behind must not keep the machine running.
process.exit(0);

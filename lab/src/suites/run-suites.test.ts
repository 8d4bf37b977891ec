import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { x86 } from '../architecture/x86.js';
import { LabError } from '../errors.js';
import { take } from '../guest/queue.js';
import { type Report, writeReport } from '../guest/report.js';
import type { LabIo, LabResult, LabRun } from '../lab.js';
import { Phases } from '../phases.js';
import { Suites } from './run-suites.js';

type Say = (report: Report) => void;

/** What the machines do, in boot order. The last entry is for all later ones. */
let machines: ((queue: string, say: Say) => Promise<void>)[] = [];
let booted = 0;

vi.mock('../lab.js', () => ({
  async runLab({ shares }: LabRun, { onOutput }: LabIo): Promise<LabResult> {
    const machine = machines[Math.min(booted++, machines.length - 1)];
    await turn();
    await machine?.(shares[0] ?? '', (report) => onOutput(Buffer.from(writeReport(report))));
    return { status: 0, kernel: '6.12.118', phases: new Phases() };
  },
}));

beforeEach(() => {
  booted = 0;
});

/** Runs a test of each file that it takes. In some files it does not finish. */
const works =
  (fatal: readonly string[] = [], silently = false) =>
  async (queue: string, say: Say): Promise<void> => {
    for (const file of take(queue)) {
      if (!(silently && fatal.includes(file))) say({ kind: 'taken', file });
      if (fatal.includes(file)) throw new LabError('the kernel panicked');
      await turn();
      say({ kind: 'end', file, name: 'works', state: 'passed', milliseconds: 1 });
      say({ kind: 'done', file });
    }
  };

const neverComesUp = async (): Promise<void> => {
  throw new LabError('it hangs');
};

/** Runs files in this many machines at a time. Returns their tests, and which of the lanes reported to be the last. */
async function run(files: string[], lanes: number): Promise<{ tests: object[]; last: boolean[]; notes: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const notes: string[] = [];
  const progress = { step: () => {}, note: (text: string) => void notes.push(text), done: () => {} };
  const io = { progress, signal: new AbortController().signal, print: () => {} };
  const suites = new Suites({ architecture: x86, kernel: '6.12' }, files, join(folder, 'queue'), [], io);
  const last = await Promise.all(Array.from({ length: lanes }, () => suites.work()));
  expect(suites.isOver).toBe(true);
  const tests = suites.results.tests.map(({ file, state }) => ({ file, state }));
  return { tests: tests.toSorted((one, other) => one.file.localeCompare(other.file)), last, notes };
}

const passed = (...files: string[]) => files.map((file) => ({ file, state: 'passed' }));

test('each file runs once, in one machine, and one machine is the last', async () => {
  machines = [works()];
  const { tests, last } = await run(['a', 'b', 'c', 'd', 'e'], 2);
  expect(tests).toEqual(passed('a', 'b', 'c', 'd', 'e'));
  expect(booted).toBe(2);
  expect(last.toSorted()).toEqual([false, true]);
});

test('no more machines are booted than there are files', async () => {
  machines = [works()];
  expect((await run(['a'], 3)).tests).toEqual(passed('a'));
  expect(booted).toBe(1);
});

test('the test that ran when its machine ended has failed, and another machine runs the other files', async () => {
  machines = [works(['b'])];
  const { tests } = await run(['a', 'b', 'c'], 1);
  expect(tests).toEqual([{ file: 'a', state: 'passed' }, { file: 'b', state: 'failed' }, ...passed('c')]);
  expect(booted).toBe(2);
});

test('a process that ends in the middle of a file has failed, whatever its status', async () => {
  const exits = async (queue: string, say: Say): Promise<void> => {
    for (const file of take(queue)) return say({ kind: 'taken', file });
  };
  machines = [exits, works()];
  const { tests } = await run(['a', 'b'], 1);
  expect(tests).toEqual([{ file: 'a', state: 'failed' }, ...passed('b')]);
});

test('a machine that takes no file is not booted again and again', async () => {
  machines = [async () => {}];
  expect((await run(['a'], 2)).tests).toMatchObject([{ state: 'failed' }]);
});

test('a file that a machine took without a report runs again', async () => {
  machines = [works(['b'], true), works()];
  const { tests } = await run(['a', 'b', 'c'], 1);
  expect(tests).toEqual(passed('a', 'b', 'c'));
});

test('a machine that does not boot gets one more attempt, and then its files have failed', async () => {
  machines = [neverComesUp, works()];
  const { tests, notes } = await run(['a'], 1);
  expect(tests).toEqual(passed('a'));
  expect(notes).toEqual(['x86 6.12: it hangs; retrying once']);
  booted = 0;
  machines = [neverComesUp, neverComesUp, works()];
  expect((await run(['a', 'b', 'c'], 2)).tests).toEqual(passed('a', 'b', 'c'));
  machines = [neverComesUp];
  for (const lanes of [1, 2]) {
    const { tests: none } = await run(['a', 'b'], lanes);
    expect(none).toMatchObject([{ state: 'failed' }]);
  }
});

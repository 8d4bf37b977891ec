import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exitOf } from './run.js';

const Intr = 10;
const Io = 2;

/** A vCPU whose runs end for these reasons. */
function vcpuOf(reasons: readonly number[], deadlinePassed = false) {
  const left = [...reasons];
  const deadlines: unknown[] = [];
  const run = (options?: object) => {
    deadlines.push(options);
    return { reason: left.shift() as number };
  };
  return { run, deadlinePassed, deadlines };
}

test('exitOf goes on after an Intr, but not after one of its deadline', () => {
  expect(exitOf(vcpuOf([Intr, Intr, Io])).reason).toBe(Io);
  const early = vcpuOf([Intr, Io]);
  expect(exitOf(early, 5).reason).toBe(Io);
  expect(early.deadlines).toEqual([{ deadline: 5 }, { deadline: 5 }]);
  expect(exitOf(vcpuOf([Intr, Io], true), 5).reason).toBe(Intr);
});

test('no test calls run itself and expects another exit than Intr', () => {
  const root = join(import.meta.dirname, '..');
  const expected = ['src', 'test', 'conformance'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.test\.ts$|\.mjs$/.test(file))
      .flatMap((file) => [
        ...readFileSync(join(root, folder, file), 'utf8').matchAll(
          /(?:expect|equal)\(\S*\.run\(.*\)\.reason\b.*\bExitReason\.(\w+)/g,
        ),
      ])
      .map(([, reason]) => reason),
  );
  expect(expected.length).toBeGreaterThan(10);
  expect([...new Set(expected)]).toEqual(['Intr']);
});

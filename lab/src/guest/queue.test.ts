import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { put, take, waiting } from './queue.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lab-test-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('files are taken in order, each by one machine only', () => {
  const queue = folder();
  put(queue, ['a', 'b', 'c', 'd']);
  const [one, other] = [take(queue), take(queue)];
  expect(one.next().value).toBe('a');
  // Whether or not it has listed `a` before, another machine has taken it.
  expect(other.next().value).toBe('b');
  expect(one.next().value).toBe('c');
  expect(waiting(queue)).toBe(1);
  expect([...other]).toEqual(['d']);
  expect(waiting(queue)).toBe(0);
  expect([...one]).toEqual([]);
});

test('a missing queue is an error and not an empty queue', () => {
  expect(() => waiting(join(folder(), 'nowhere'))).toThrow('ENOENT');
});

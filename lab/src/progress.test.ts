import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { LineProgress } from './progress.js';

test('LineProgress writes each step and note on a line of its own', () => {
  const stream = new PassThrough();
  const progress = new LineProgress(stream);
  progress.step('booting');
  progress.note('installed');
  progress.done();
  expect(String(stream.read())).toBe('lab: booting\nlab: installed\n');
});

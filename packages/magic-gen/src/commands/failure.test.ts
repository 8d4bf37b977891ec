import { afterEach, expect, it, vi } from 'vitest';
import { MagicGenError } from '../errors.js';
import { reportFailure } from './failure.js';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

it.each([
  ['an error in the input', new MagicGenError('no model'), /^magic-gen: no model\n$/],
  ['an error of the system', Object.assign(new Error('no space'), { syscall: 'write' }), /^magic-gen: no space\n$/],
  ['a bug of magic-gen, with its stack,', new TypeError('no function'), /^TypeError: no function\n +at /],
])('%s has the status of its command', (_, error, expected) => {
  let written = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += `${text}`;
    return true;
  });
  reportFailure(error, 2);
  expect(process.exitCode).toBe(2);
  expect(written).toMatch(expected);
});

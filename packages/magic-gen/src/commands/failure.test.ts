import { afterEach, expect, it, vi } from 'vitest';
import { MagicGenError } from '../errors.js';
import { reportFailure } from './failure.js';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

it.each([
  ['what the input is at fault for', new MagicGenError('no model'), /^magic-gen: no model\n$/],
  [
    'what the system is at fault for',
    Object.assign(new Error('no space'), { syscall: 'write' }),
    /^magic-gen: no space\n$/,
  ],
  ['what magic-gen is at fault for, with its stack,', new TypeError('no function'), /^TypeError: no function\n +at /],
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

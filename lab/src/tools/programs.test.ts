import { afterEach, expect, test, vi } from 'vitest';
import { x86 } from '../architecture/x86.js';
import { findProgram, whereIs } from './programs.js';

const progress = { step() {}, note() {}, done() {} };

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('a program is found where the shell would find it', () => {
  expect(whereIs('sh')).toMatch(/^\/.*\/sh$/);
  expect(whereIs('no such program')).toBeUndefined();
});

test('without a program and the right to install it, the error names the package', async () => {
  vi.stubEnv('PATH', '/nowhere');
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  await expect(findProgram(x86.qemu, 'a lab for x86', progress)).rejects.toThrow(
    "a lab for x86 needs qemu-system-x86_64: install Debian's qemu-system-x86",
  );
});

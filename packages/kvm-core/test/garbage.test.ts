import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

onEachBackend('three hundred thousand exits', (backend) => {
  test('cause no garbage collection', { timeout: 100_000 }, async () => {
    const program = new URL('./garbage.mjs', import.meta.url).pathname;
    const args = ['--expose-gc', program, backend, '300000'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000, killSignal: 'SIGKILL' });
    // The collection that the program requests at the end.
    expect(JSON.parse(stdout)).toEqual({ collections: 1, read: true });
  });
});

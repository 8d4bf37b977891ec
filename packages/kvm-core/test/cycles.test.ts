import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

/** Fewer where somebody is in a hurry: most of the time the kernel waits for other processors. */
const cycles = Number(process.env['KVM_CYCLES'] ?? 10_000);

interface Measured {
  descriptors: number;
  mappings: number;
  /** Bytes. */
  memory: number;
}

onEachBackend('thousands of VMs, made, run and closed', (backend) => {
  test('leave no descriptor, mapping or memory behind', { timeout: 10 ** 6 }, async () => {
    const program = new URL('./cycles.mjs', import.meta.url).pathname;
    // With a young generation of one size: its growth would be taken for a leak, and its pool of pages hide one.
    const args = ['--expose-gc', '--max-semi-space-size=1', program, backend, String(cycles)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10 ** 6, killSignal: 'SIGKILL' });
    const { before, after } = JSON.parse(stdout) as { before: Measured; after: Measured };
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.mappings - before.mappings).toBeLessThan(100);
    // In the second half of the cycles, so that what the process needs once is there. Less than a page for each fourth cycle.
    expect(after.memory - before.memory).toBeLessThan(2 ** 20 + (cycles / 8) * 4096);
  });
});

onEachBackend('vCPUs, made and closed in one turn of the event loop', (backend) => {
  test('can be collected before it turns', { timeout: 10 ** 6 }, async () => {
    const program = new URL('./unturned.mjs', import.meta.url).pathname;
    const count = Math.min(cycles, 4000);
    const args = ['--expose-gc', program, backend, String(count)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10 ** 6, killSignal: 'SIGKILL' });
    // The run state of each has three pages on x86.
    expect(Number(stdout)).toBeLessThan(count * 2048);
  });
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

/** Fewer if time is short: most of the time the kernel waits for other processors. */
const cycles = Number(process.env['KVM_CYCLES'] ?? 10_000);

interface Measured {
  descriptors: number;
  mappings: number;
  /** Bytes. */
  memory: number;
}

onEachBackend('thousands of VMs, created, run and closed', (backend) => {
  test('leave no descriptor, mapping or memory behind', { timeout: 10 ** 6 }, async () => {
    const program = new URL('./cycles.mjs', import.meta.url).pathname;
    // With a fixed young generation. Its growth would look like a leak, and its pool of pages could hide one.
    const args = ['--expose-gc', '--max-semi-space-size=1', program, backend, String(cycles)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10 ** 6, killSignal: 'SIGKILL' });
    const { before, after } = JSON.parse(stdout) as { before: Measured; after: Measured };
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.mappings - before.mappings).toBeLessThan(100);
    // Counts only the second half of the cycles, so that one-time allocations are done. Less than a page for every
    // fourth cycle.
    expect(after.memory - before.memory).toBeLessThan(2 ** 20 + (cycles / 8) * 4096);
  });
});

onEachBackend('vCPUs, created and closed in one turn of the event loop', (backend) => {
  test('can be collected before it turns', { timeout: 10 ** 6 }, async () => {
    const program = new URL('./unturned.mjs', import.meta.url).pathname;
    const count = Math.min(cycles, 4000);
    const args = ['--expose-gc', program, backend, String(count)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10 ** 6, killSignal: 'SIGKILL' });
    // Each run state has three pages on x86.
    expect(Number(stdout)).toBeLessThan(count * 2048);
  });
});

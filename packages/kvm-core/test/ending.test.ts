import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { builtCore, guestStarter, machineImage, onEveryMachine } from './machine.js';

/**
 * A Worker that does not handle the end of its process: it reports that it is about to run its guest, and runs it for
 * ever.
 */
const worker = (backend: string, code: Uint8Array, deadline: string): string => `
  const modules = [${JSON.stringify(builtCore)}, ${JSON.stringify(guestStarter)}];
  Promise.all(modules.map((module) => import(module))).then(([core, { startGuest }]) => {
    const { vcpu } = startGuest(core, ${JSON.stringify(backend)}, Uint8Array.of(${[...code]}));
    require('node:worker_threads').parentPort.postMessage('runs');
    for (;;) vcpu.run(${deadline});
  });`;

/** The main thread does not import the package. */
const program = (backend: string, code: Uint8Array, deadline: string, end: string): string => `
  const { Worker } = require('node:worker_threads');
  const worker = new Worker(${JSON.stringify(worker(backend, code, deadline))}, { eval: true });
  worker.once('message', () => setTimeout(async () => { ${end} }, 100));`;

onEveryMachine('a Worker that runs a guest for ever', (backend) => {
  function statusOf(end: string, guest: 'spin' | 'stores' = 'spin', deadline = ''): number | string | null {
    const args = ['-e', program(backend, machineImage(guest), deadline, end)];
    const { status, signal, stderr } = spawnSync(process.execPath, args, {
      timeout: 50_000,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
    });
    if (!stderr.includes('of the main thread')) expect(stderr).toBe('');
    return signal ?? status;
  }

  test('ends with its process', () => {
    expect(statusOf('process.exit(3);')).toBe(3);
  });

  test('ends with its process, also with a deadline far away', () => {
    expect(statusOf('process.exit(3);', 'spin', '{ deadline: performance.now() + 1e9 }')).toBe(3);
  });

  test('ends with its process while its guest exits at full speed', () => {
    expect(statusOf('process.exit(3);', 'stores')).toBe(3);
  });

  test('does not keep an uncaught exception from ending the process', () => {
    expect(statusOf(`throw new Error('of the main thread');`)).toBe(1);
    expect(statusOf(`Promise.reject(new Error('of the main thread'));`)).toBe(1);
  });

  test('ends when it is terminated', () => {
    expect(statusOf('await worker.terminate(); process.exit(4);')).toBe(4);
  });
});

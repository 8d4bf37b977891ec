import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';
import { builtCore, guestStarter, machineImage, onEveryMachine } from './machine.js';

/** What a Worker runs. */
interface Guest {
  code: Uint8Array;
  /** What its VM needs before its first vCPU. */
  prepareVm?: string;
  /** The argument of \`run\`. */
  deadline?: string;
}

/** The program of a Worker: it says that it is about to run its guest, and runs it for ever. */
const worker = (backend: string, { code, prepareVm = '', deadline = '' }: Guest): string => `
  const modules = [import(${JSON.stringify(builtCore)}), import(${JSON.stringify(guestStarter)})];
  Promise.all(modules).then(([core, { startGuest }]) => {
    const code = Uint8Array.of(${[...code]});
    const { vcpu } = startGuest(core, ${JSON.stringify(backend)}, code, (vm) => { ${prepareVm} });
    require('node:worker_threads').parentPort.postMessage('runs');
    for (;;) {
      if (vcpu.run(${deadline}).reason === core.ExitReason.Hlt) throw new Error('the guest left at its HLT');
    }
  });`;

/** The main thread does not import the package. */
const program = (backend: string, guest: Guest, end: string): string => `
  const { Worker } = require('node:worker_threads');
  const worker = new Worker(${JSON.stringify(worker(backend, guest))}, { eval: true });
  worker.once('message', () => setTimeout(async () => { ${end} }, 100));`;

/** The signal or status with which a process ends whose Worker runs a guest for ever. */
function statusOf(backend: string, guest: Guest, end: string): number | string | null {
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', program(backend, guest, end)], {
    timeout: 50_000,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  if (!stderr.includes('of the main thread')) expect(stderr).toBe('');
  return signal ?? status;
}

onEveryMachine('a Worker of the program that runs a guest for ever', (backend) => {
  const spin: Guest = { code: machineImage('spin') };

  test('ends with its process', () => {
    expect(statusOf(backend, spin, 'process.exit(3);')).toBe(3);
  });

  test('ends with its process, also with a deadline far away', () => {
    const guest = { ...spin, deadline: '{ deadline: performance.now() + 1e9 }' };
    expect(statusOf(backend, guest, 'process.exit(3);')).toBe(3);
  });

  test('ends with its process while its guest exits at full speed', () => {
    expect(statusOf(backend, { code: machineImage('stores') }, 'process.exit(3);')).toBe(3);
  });

  test('does not keep an uncaught exception from ending the process', () => {
    expect(statusOf(backend, spin, `throw new Error('of the main thread');`)).toBe(1);
    expect(statusOf(backend, spin, `Promise.reject(new Error('of the main thread'));`)).toBe(1);
  });

  test('ends when it is terminated', () => {
    expect(statusOf(backend, spin, 'await worker.terminate(); process.exit(4);')).toBe(4);
  });
});

onEachBackend('a Worker of the program whose guest halts in the kernel', (backend) => {
  // With interrupts disabled, it waits in KVM_RUN for ever.
  const halted: Guest = { code: Uint8Array.of(0xf4), prepareVm: 'vm.createIrqChip();' };

  test('ends with its process', () => {
    expect(statusOf(backend, halted, 'process.exit(3);')).toBe(3);
  });

  test('ends with its process, also with a deadline far away', () => {
    const guest = { ...halted, deadline: '{ deadline: performance.now() + 1e9 }' };
    expect(statusOf(backend, guest, 'process.exit(3);')).toBe(3);
  });

  test('does not keep an uncaught exception from ending the process', () => {
    expect(statusOf(backend, halted, `throw new Error('of the main thread');`)).toBe(1);
    expect(statusOf(backend, halted, `Promise.reject(new Error('of the main thread'));`)).toBe(1);
  });

  test('ends when it is terminated', () => {
    expect(statusOf(backend, halted, 'await worker.terminate(); process.exit(4);')).toBe(4);
  });
});

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { ExitReason } from '../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;
const core = new URL('../../dist/index.js', import.meta.url).href;

/**
 * A guest that spins in a separate process. Another thread sends signals to the process, sets a flag, and then kicks.
 * The process prints whether the first interruption came after the flag was set.
 */
const program = (backend: string, mask: string): string => `
  import(${JSON.stringify(core)}).then(({ Kvm, ExitReason }) => {
    const { Worker } = require('node:worker_threads');
    process.on('SIGUSR2', () => {});
    const kvm = Kvm.open({ backend: ${JSON.stringify(backend)} });
    const vm = kvm.createVm();
    const memory = kvm.allocateMemory({ size: 0x4000 });
    memory.write(0x1000, Uint8Array.of(0xeb, 0xfe));
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
    const vcpu = vm.createVcpu(0);
    const sregs = vcpu.getSregs();
    sregs.cs.assign({ base: 0n, selector: 0 });
    vcpu.setSregs(sregs);
    vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
    ${mask}
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(\`
      const { workerData: { shared, handle } } = require('node:worker_threads');
      import(${JSON.stringify(core)}).then(({ kick }) => {
        Atomics.wait(shared, 0, 0);
        for (let i = 0; i < 20; i++) {
          process.kill(process.pid, 'SIGUSR2');
          Atomics.wait(shared, 1, 0, 10);
        }
        Atomics.store(shared, 1, 1);
        kick(handle);
      });\`, { eval: true, workerData: { shared, handle: vcpu.kickHandle() } });
    worker.once('online', () => {
      Atomics.store(shared, 0, 1);
      Atomics.notify(shared, 0);
      const { reason } = vcpu.run();
      console.log(reason === ExitReason.Intr, Atomics.load(shared, 1) === 1);
      process.exit();
    });
  });`;

onEachBackend('a signal mask', (backend) => {
  const run = (mask: string) =>
    execFileSync(process.execPath, ['-e', program(backend, mask)], { encoding: 'utf8', timeout: 50_000 }).trim();

  test('blocks signals while the guest runs, but not kicks', () => {
    expect(run(`vcpu.setSignalMask(['SIGUSR2']);`)).toBe('true true');
  });

  test('can be removed, so that signals interrupt the guest again', () => {
    expect(run(`vcpu.setSignalMask(['SIGUSR2']); vcpu.setSignalMask();`)).toBe('true false');
  });

  test('takes names and numbers, and refuses the signals of kicks and libc', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    vcpu.setSignalMask(['SIGPROF', 'SIGWINCH', 34, 39, 61, 64, 1]);
    vcpu.setSignalMask([]);
    for (const signal of [40, 50, 60, 32, 33]) {
      const error = kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSignalMask([signal]));
      expect(error.hint).toMatch(signal < 40 ? /libc/ : /kicks/);
    }
    for (const value of [null, 5, 'SIGPROF'[0], {}, ['SIGNONE'], [undefined], [{}], ['toString'], ['']]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSignalMask(wrong(value)));
    }
    for (const value of [[0], [65], [-1], [1.5], [Number.NaN]]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setSignalMask(wrong(value)));
    }
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => vcpu.setSignalMask([]));
  });
});

import { Worker } from 'node:worker_threads';
import { beforeEach, expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { builtCore, core, guestStarter, machineGuest, machineImage, onEveryMachine } from '../../test/machine.js';
import { exitOf } from '../../test/run.js';
import { ExitReason } from '../abi/x86/index.js';
import { Kvm as X86Kvm } from '../arch/x86/kvm.js';
import { kick } from './kick.js';

const { Kvm } = core;

/** A Worker that runs a guest repeatedly. `stop` ends it; it posts how many runs were interrupted. */
function spinner(backend: string, code: Uint8Array): Worker {
  return new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const modules = [import(${JSON.stringify(builtCore)}), import(${JSON.stringify(guestStarter)})];
     Promise.all(modules).then(([core, { startGuest }]) => {
       const { backend, code, stop } = workerData;
       const { vcpu, close } = startGuest(core, backend, code);
       parentPort.postMessage({ handle: vcpu.kickHandle() });
       let interrupts = 0;
       while (Atomics.load(stop, 0) === 0) {
         const exit = vcpu.run();
         if (exit.reason === core.ExitReason.Intr) {
           interrupts++;
           Atomics.store(stop, 1, interrupts);
           Atomics.notify(stop, 1);
         }
       }
       close();
       parentPort.postMessage({ interrupts });
     });`,
    { eval: true, workerData: { backend, code, stop } },
  );
}

let stop = new Int32Array(new SharedArrayBuffer(8));
beforeEach(() => {
  stop = new Int32Array(new SharedArrayBuffer(8));
});

onEveryMachine('a kick', (backend) => {
  test('before a run makes that run return, once', () => {
    using guest = machineGuest(backend, 'mmio');
    guest.vcpu.kick();
    guest.vcpu.kick();
    expect(guest.vcpu.run().reason).toBe(ExitReason.Intr);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Mmio);
  });

  test('is complete when its run returns: the signal has arrived, even if the flag ended the run', async () => {
    using guest = machineGuest(backend, 'mmio');
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Mmio);
    const { words } = guest.vcpu.kickHandle();
    const [pending, none, sending, sent] = [2, 0, 1, 2];
    // The steps of `kick`, with a pause before the signal.
    Atomics.store(words, pending, sending);
    guest.vcpu.kvmRun.immediateExit = 1;
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { parentPort, workerData: { words, done } } = require('node:worker_threads');
       parentPort.postMessage('runs');
       Atomics.wait(done, 0, 0, 100);
       Atomics.store(done, 0, 1);
       Atomics.store(words, ${pending}, ${sent});
       Atomics.notify(words, ${pending});`,
      { eval: true, workerData: { words, done } },
    );
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(guest.vcpu.run().reason).toBe(ExitReason.Intr);
    expect([Atomics.load(done, 0), Atomics.load(words, pending)]).toEqual([1, none]);
    await worker.terminate();
  });

  test('of one vCPU does not end a run of the next vCPU in the same thread', async () => {
    using guest = machineGuest(backend, 'stores');
    using other = machineGuest(backend, 'stores');
    // One kick per request.
    const kicker = new Worker(
      `const { workerData: { handle, stop } } = require('node:worker_threads');
       import(${JSON.stringify(builtCore)}).then(({ kick }) => {
         while (Atomics.load(stop, 0) === 0) if (Atomics.compareExchange(stop, 1, 1, 0) === 1) kick(handle);
       });`,
      { eval: true, workerData: { handle: guest.vcpu.kickHandle(), stop } },
    );
    await new Promise((resolve, reject) => kicker.once('online', resolve).once('error', reject));
    let interrupts = 0;
    for (let i = 0; i < 500; i++) {
      Atomics.store(stop, 1, 1);
      while (guest.vcpu.run().reason !== ExitReason.Intr);
      if (other.vcpu.run().reason === ExitReason.Intr) interrupts++;
    }
    Atomics.store(stop, 0, 1);
    await new Promise((resolve) => kicker.once('exit', resolve));
    expect(interrupts).toBe(0);
  });

  test.each(['spin', 'counter'] as const)('from another thread stops the guest `%s`, every time', async (name) => {
    const worker = spinner(backend, machineImage(name));
    const { handle } = await new Promise<{ handle: Parameters<typeof kick>[0] }>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    );
    for (let kicks = 1; kicks <= 200; kicks++) {
      const before = Atomics.load(stop, 1);
      kick(handle);
      // After a lost kick, the count would not change and the guest would run forever.
      expect(Atomics.wait(stop, 1, before, 20_000)).not.toBe('timed-out');
    }
    Atomics.store(stop, 0, 1);
    kick(handle);
    const { interrupts } = await new Promise<{ interrupts: number }>((resolve) => worker.once('message', resolve));
    expect(interrupts).toBeGreaterThanOrEqual(200);
    await worker.terminate();
    kick(handle);
  });

  test('of a closed vCPU does nothing', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const vcpu = vm.createVcpu(0);
    const { kvmRun } = vcpu;
    const handle = vcpu.kickHandle();
    kick(handle);
    expect(kvmRun.immediateExit).toBe(1);
    vcpu.close();
    kick(handle);
    expect(kvmRun.immediateExit).toBe(0);
  });

  test('refuses anything but the handle of a vCPU', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const handle = vcpu.kickHandle();
    const wrong = (value: unknown): never => value as never;
    for (const mangled of [
      wrong(undefined),
      wrong({}),
      wrong(JSON.parse(JSON.stringify(handle))),
      // Like process.send with advanced serialization.
      { ...handle, words: new Int32Array(4) },
      { ...handle, words: new Int32Array(new SharedArrayBuffer(8)) },
      { ...handle, words: wrong(new Int8Array(new SharedArrayBuffer(4))) },
      { ...handle, backend: wrong('fast') },
      { ...handle, address: wrong(undefined) },
      { ...handle, address: Number.NaN },
    ]) {
      expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => kick(mangled)).message).toMatch(/kickHandle/);
    }
  });

  test('repeated without a pause neither starves the thread nor makes another call fail', async () => {
    using guest = machineGuest(backend, 'stores');
    const flood = new Worker(
      `const { workerData } = require('node:worker_threads');
       import(${JSON.stringify(builtCore)}).then(({ kick }) => {
         const { handle, stop } = workerData;
         while (Atomics.load(stop, 0) === 0) kick(handle);
       });`,
      { eval: true, workerData: { handle: guest.vcpu.kickHandle(), stop } },
    );
    await new Promise((resolve, reject) => flood.once('online', resolve).once('error', reject));
    let interrupts = 0;
    for (let i = 0; i < 5000 || (interrupts === 0 && i < 5_000_000); i++) {
      if (guest.vcpu.run().reason === ExitReason.Intr) interrupts++;
      if (i % 100 === 0) guest.kvm.createVm().close();
      guest.vm.checkExtension(0);
    }
    Atomics.store(stop, 0, 1);
    await new Promise((resolve) => flood.once('exit', resolve));
    expect(interrupts).toBeGreaterThan(0);
  });
});

onEachBackend('a kick of a vCPU that waits for its start and is woken by NMIs', (backend) => {
  /** KVM_RUN fails with EAGAIN each time. */
  function restless(use: (vcpu: ReturnType<ReturnType<X86Kvm['createVm']>['createVcpu']>) => void): void {
    using kvm = X86Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using _first = vm.createVcpu(0);
    using vcpu = vm.createVcpu(1);
    vcpu.nmi();
    use(vcpu);
  }

  test('before a run makes that run return', () => {
    restless((vcpu) => {
      vcpu.kick();
      expect(vcpu.run().reason).toBe(ExitReason.Intr);
    });
  });

  test('from another thread ends the run', () => {
    restless((vcpu) => {
      const worker = new Worker(
        `const { workerData } = require('node:worker_threads');
         import(${JSON.stringify(builtCore)}).then(({ kick }) => kick(workerData));`,
        { eval: true, workerData: vcpu.kickHandle() },
      );
      expect(vcpu.run().reason).toBe(ExitReason.Intr);
      // It must end by itself: koffi aborts the process if its thread is terminated while it defines a function.
      worker.unref();
    });
  });

  test('is taken even if the buffer of the run state was transferred', (context) => {
    restless((vcpu) => {
      const buffer = vcpu.kvmRun.bytes.buffer as ArrayBuffer & { transfer?(): ArrayBuffer };
      if (buffer.transfer === undefined) return context.skip('this runtime transfers no buffer that is mapped');
      buffer.transfer();
      // The view that would show the flag is gone, so the test can only check that nothing throws.
      expect(() => kick(vcpu.kickHandle())).not.toThrow();
    });
  });

  test('is not needed with a deadline', () => {
    restless((vcpu) => {
      const deadline = performance.now() + 20;
      do expect(vcpu.run({ deadline }).reason).toBe(ExitReason.Intr);
      while (!vcpu.deadlinePassed);
      expect(vcpu.settle()).toBeUndefined();
    });
  });
});

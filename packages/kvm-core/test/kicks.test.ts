import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type KickHandle, kick } from '../src/vcpu/kick.js';
import { onEachBackend } from './backends.js';

const core = new URL('../dist/index.js', import.meta.url).href;
const kicks = 10_000;

/** Guests that a kick must stop: one that never exits, one that waits in the kernel, one that exits all the time. */
const guests = {
  spins: { code: [0xeb, 0xfe], irqchip: false },
  'halts in the kernel': { code: [0xf4], irqchip: true },
  'exits at full speed': { code: [0xe6, 0x10, 0xeb, 0xfc], irqchip: false },
} as const;

/** A Worker that runs a guest until it is told to stop. It counts kicks in `counts[1]` and exits in `counts[2]`. */
function runner(backend: string, guest: (typeof guests)[keyof typeof guests], counts: Int32Array): Worker {
  return new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(${JSON.stringify(core)}).then(({ Kvm, ExitReason }) => {
       const { backend, guest, counts } = workerData;
       const kvm = Kvm.open({ backend });
       const vm = kvm.createVm();
       if (guest.irqchip) vm.createIrqChip();
       const memory = kvm.allocateMemory({ size: 0x4000 });
       memory.write(0x1000, Uint8Array.from(guest.code));
       vm.mapMemory(memory, 0n);
       const vcpu = vm.createVcpu(0);
       const sregs = vcpu.getSregs();
       sregs.cs.assign({ base: 0n, selector: 0 });
       vcpu.setSregs(sregs);
       vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
       parentPort.postMessage(vcpu.kickHandle());
       while (Atomics.load(counts, 0) === 0) {
         if (vcpu.run().reason === ExitReason.Intr) {
           Atomics.add(counts, 1, 1);
           Atomics.notify(counts, 1);
         } else {
           counts[2]++;
         }
       }
       for (const object of [vcpu, memory, vm, kvm]) object.close();
     });`,
    { eval: true, workerData: { backend, guest, counts } },
  );
}

onEachBackend('ten thousand kicks', (backend) => {
  test.each(Object.entries(guests))('of a guest that %s: each of them ends a run', async (name, guest) => {
    const counts = new Int32Array(new SharedArrayBuffer(12));
    const worker = runner(backend, guest, counts);
    const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    const handle = await new Promise<KickHandle>((resolve) => worker.once('message', resolve));
    for (let sent = 0; sent < kicks; sent++) {
      const before = Atomics.load(counts, 1);
      kick(handle);
      // The notification may belong to the previous return, which was already counted.
      while (Atomics.load(counts, 1) === before) {
        expect(Atomics.wait(counts, 1, before, 20_000), `kick ${sent}`).not.toBe('timed-out');
      }
    }
    const interrupted = Atomics.load(counts, 1);
    Atomics.store(counts, 0, 1);
    kick(handle);
    await ended;
    // A flag and its signal are one kick, and nothing else ends a run in a Worker.
    expect(interrupted).toBe(kicks);
    expect(Math.sign(counts[2] as number)).toBe(name === 'exits at full speed' ? 1 : 0);
  });

  test('from two threads at once leave no vCPU stuck', async () => {
    const counts = new Int32Array(new SharedArrayBuffer(12));
    const worker = runner(backend, guests.spins, counts);
    const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    const handle = await new Promise<KickHandle>((resolve) => worker.once('message', resolve));
    const other = new Worker(
      `const { workerData: { handle, times } } = require('node:worker_threads');
       import(${JSON.stringify(core)}).then(({ kick }) => { for (let i = 0; i < times; i++) kick(handle); });`,
      { eval: true, workerData: { handle, times: kicks } },
    );
    const otherEnded = new Promise((resolve, reject) => other.once('exit', resolve).once('error', reject));
    for (let sent = 0; sent < kicks; sent++) kick(handle);
    await otherEnded;
    // Earlier kicks were taken, or count as one with this one.
    const before = Atomics.load(counts, 1);
    kick(handle);
    expect(Atomics.wait(counts, 1, before, 20_000)).not.toBe('timed-out');
    Atomics.store(counts, 0, 1);
    kick(handle);
    await ended;
  });
});

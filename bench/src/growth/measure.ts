import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type BackendName, ExitReason, type GuestMemory, Kvm, type Vcpu, type Vm } from '@kvm/core';
import { halts, stopGuest, unexpected } from '../contenders/guest.js';
import { summary } from '../rounds/statistics.js';
import type { Chart } from './svg.js';

/** Measures how cost grows. Each function returns the points of a chart. */
export const growths: Readonly<Record<string, (backend: BackendName) => Promise<Chart> | Chart>> = {
  vcpus: exitsByVcpus,
  vms: startByVms,
  resident: memoryByVms,
  slots: startBySlots,
  ram: startByRam,
};

const MiB = 2 ** 20;

/** Exits per second by the number of vCPUs, each in a Worker of its own. */
async function exitsByVcpus(backend: BackendName): Promise<Chart> {
  const points = [];
  for (const x of [1, 2, 4]) points.push({ x, y: await exitsPerSecond(backend, x) });
  return { title: 'Exits a second, one Worker a vCPU', x: 'vCPUs', y: 'exits/s', points };
}

async function exitsPerSecond(backend: BackendName, count: number): Promise<number> {
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL('./exits-worker.js', import.meta.url), { workerData: { backend } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const counts = workers.map((worker) => once(worker, 'message') as Promise<[number]>);
  for (const worker of workers) worker.postMessage(1500);
  const total = (await Promise.all(counts)).reduce((sum, [each]) => sum + each, 0);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return total / 1.5;
}

interface Started {
  readonly vm: Vm;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
}

/** Creates a VM and runs it to its first halt. */
function start(kvm: Kvm, size: number): Started {
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size });
  memory.write(0x1000, halts);
  vm.mapMemory(memory, 0n);
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  sregs.cs.base = 0n;
  sregs.cs.selector = 0;
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
  const exit = vcpu.run();
  if (exit.reason !== ExitReason.Hlt) unexpected(exit);
  return { vm, vcpu, memory };
}

/** Milliseconds from the start to the first halt of the n-th VM, while all earlier ones are alive. */
function startByVms(backend: BackendName): Chart {
  const points = withVms(backend, (times) => summary(times).median);
  return { title: 'Start of one more VM of 128 MiB', x: 'VMs in the process', y: 'ms', points };
}

/** The resident memory that each VM adds to the process. */
function memoryByVms(backend: BackendName): Chart {
  const before = process.memoryUsage.rss();
  const points = withVms(backend, (_, count) => (process.memoryUsage.rss() - before) / count / 1024);
  return { title: 'Resident memory a VM of 128 MiB, untouched', x: 'VMs in the process', y: 'KiB', points };
}

function withVms(backend: BackendName, value: (times: number[], count: number) => number): Chart['points'] {
  using kvm = Kvm.open({ backend });
  const alive: Started[] = [];
  const points = [];
  for (const x of [1, 16, 64, 256]) {
    const times: number[] = [];
    while (alive.length < x) {
      const from = performance.now();
      alive.push(start(kvm, 128 * MiB));
      times.push(performance.now() - from);
    }
    points.push({ x, y: value(times, x) });
  }
  for (const each of alive) stopGuest({ kvm, ...each });
  return points;
}

/** Milliseconds to add slots to a VM, by their number. */
function startBySlots(backend: BackendName): Chart {
  using kvm = Kvm.open({ backend });
  const points = [1, 10, 50, 100, 250, 500].map((x) => {
    const times = Array.from({ length: 9 }, () => {
      using vm = kvm.createVm();
      using memory = kvm.allocateMemory({ size: 500 * 4096 });
      const from = performance.now();
      for (let slot = 0; slot < x; slot++) {
        // With a page between them, because the kernel might merge neighbours.
        const guestPhysAddr = BigInt(slot * 8192);
        vm.setUserMemoryRegion({ slot, guestPhysAddr, memory, offset: slot * 4096, size: 4096 });
      }
      return (performance.now() - from) / x;
    });
    return { x, y: summary(times).median * 1000 };
  });
  return { title: 'One more memory slot', x: 'slots', y: 'us a slot', points };
}

/** Milliseconds from the start to the first halt, by the guest's RAM. */
function startByRam(backend: BackendName): Chart {
  using kvm = Kvm.open({ backend });
  start(kvm, MiB);
  const points = [1, 8, 64, 512, 2048, 8192].map((x) => {
    const times = Array.from({ length: 9 }, () => {
      const from = performance.now();
      const started = start(kvm, x * MiB);
      const time = performance.now() - from;
      for (const object of [started.vcpu, started.vm, started.memory]) object.close();
      return time;
    });
    return { x, y: summary(times).median };
  });
  return { title: 'Open to first halt', x: 'MiB of RAM', y: 'ms', points };
}

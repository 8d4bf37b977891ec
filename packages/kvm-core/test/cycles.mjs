import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { ExitReason, Kvm } from '../dist/index.js';
import { exitOf } from './exit-of.mjs';

/**
 * Creates, runs and closes a VM many times, and prints as JSON the descriptors, memory and mappings of the process
 * half-way and at the end. Arguments: the backend, the number of cycles.
 */

const [, , backend, count] = process.argv;
const half = Number(count) / 2;

const kvm = Kvm.open({ backend });
// One memory serves all VMs, because a memory of their own would measure the garbage collector.
const memory = kvm.allocateMemory({ size: 0x2000 });
memory.write(0x1000, Uint8Array.of(0xe6, 0x10, 0xf4)); // out 0x10, al; hlt

function cycle() {
  const vm = kvm.createVm();
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  sregs.cs.assign({ base: 0n, selector: 0 });
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
  // A timer is created and deleted, too.
  const { reason } = exitOf(vcpu, performance.now() + 10_000);
  if (reason !== ExitReason.Io || exitOf(vcpu).reason !== ExitReason.Hlt) throw new Error(`exit ${reason}`);
  vm.close();
  vcpu.close();
}

async function cycles(count) {
  for (let i = 0; i < count; i++) {
    cycle();
    // Collected buffers are freed when the event loop turns.
    if (i % 100 === 99) await setImmediate();
  }
}

/** What is garbage is no leak: of V8's heap, what is in use counts. */
async function have() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await setTimeout(20);
  }
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'latin1').split('\n').length,
    memory: rss - heapTotal + heapUsed,
  };
}

await cycles(half);
const before = await have();
await cycles(half);
// Read before standard output is opened, which may take a descriptor.
const after = await have();
process.stdout.write(JSON.stringify({ before, after }));

import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import * as core from '../dist/index.js';
import { exitOf } from './exit-of.mjs';
import { startGuest } from './start-guest.mjs';

/**
 * Prints the number of garbage collections during many exits and one requested at the end. Arguments: the backend, the
 * number of exits.
 */

const { ExitReason } = core;
const [, , backend, count] = process.argv;
// mov ax, 0x2000; mov ds, ax; again: out 0x10, al; mov [0], al; jmp again
const code = Uint8Array.of(0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xe6, 0x10, 0xa2, 0x00, 0x00, 0xeb, 0xf9);
const { vcpu } = startGuest(core, backend, code);

/**
 * Keeps the compiler from removing the reads. The numbers are small, because some compilers represent large ones as
 * objects.
 */
const sink = new Int32Array(1);

function exits(count) {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const exit = exitOf(vcpu);
    if (exit.reason === ExitReason.Io) sum = (sum + exit.io.port + exit.io.value) & 0xffff;
    else if (exit.reason === ExitReason.Mmio) sum = (sum + exit.mmio.address + exit.mmio.value32 + 1) & 0xffff;
    else throw new Error(`exit ${exit.reason}`);
  }
  sink[0] = sum;
}

// The interpreter creates garbage until the loop is compiled. That of the start does not count.
for (let i = 0; i < 10; i++) exits(5000);
globalThis.gc();
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
exits(Number(count));
// Seeing this one shows that others would have been seen.
globalThis.gc();
await setImmediate();
await setImmediate();
observer.disconnect();
process.stdout.write(JSON.stringify({ collections, read: sink[0] > 0 }));

import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import * as core from '../dist/index.js';
import { startGuest } from './start-guest.mjs';

/** Prints how often garbage is collected while a guest leaves so many times, and once at the end. Arguments: the backend, how many times. */

const { ExitReason } = core;
const [, , backend, count] = process.argv;
// mov ax, 0x2000; mov ds, ax; again: out 0x10, al; mov [0], al; jmp again
const code = Uint8Array.of(0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xe6, 0x10, 0xa2, 0x00, 0x00, 0xeb, 0xf9);
const { vcpu } = startGuest(core, backend, code);

/** What is read goes here, or the compiler might leave it out. Small numbers: those beyond are objects to some compilers. */
const sink = new Int32Array(1);

function exits(count) {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const exit = vcpu.run();
    if (exit.reason === ExitReason.Io) sum = (sum + exit.io.port + exit.io.value) & 0xffff;
    else if (exit.reason === ExitReason.Mmio) sum = (sum + exit.mmio.address + exit.mmio.value32 + 1) & 0xffff;
    else throw new Error(`exit ${exit.reason}`);
  }
  sink[0] = sum;
}

// Until the loop is compiled, the interpreter makes garbage of its own; that of the start is not the loop's.
for (let i = 0; i < 10; i++) exits(5000);
globalThis.gc();
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
exits(Number(count));
// One that is seen shows that others would have been.
globalThis.gc();
await setImmediate();
await setImmediate();
observer.disconnect();
process.stdout.write(JSON.stringify({ collections, read: sink[0] > 0 }));

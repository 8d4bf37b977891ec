import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { BackendName } from '@kvm/core';
import { startGuest, writesPort } from '../contenders/guest.js';
import { portWrites } from '../contenders/loops.js';

/** Counts garbage collections during a million exits. */

const guest = startGuest(process.argv[2] as BackendName, writesPort);
// The interpreter creates garbage until the loop is compiled. That of the start does not count.
for (let i = 0; i < 20; i++) portWrites(guest, 5000);
(globalThis as unknown as { gc(): void }).gc();
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
portWrites(guest, 1_000_000);
await setImmediate();
await setImmediate();
observer.disconnect();
process.stdout.write(String(collections));
process.exit();

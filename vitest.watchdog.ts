import { Worker } from 'node:worker_threads';
import { beforeEach, expect } from 'vitest';

/**
 * A guest that never exits blocks its thread, and with it vitest's own timeout. So another thread watches: if a test
 * takes too long, it names the test and kills its process.
 */
const seconds = 150;

const begun = new Int32Array(new SharedArrayBuffer(4));
const name = new Uint8Array(new SharedArrayBuffer(512));

new Worker(
  `const { workerData: { begun, name, seconds, pid } } = require('node:worker_threads');
   for (;;) {
     const tests = Atomics.load(begun, 0);
     if (Atomics.wait(begun, 0, tests, seconds * 1000) === 'timed-out' && tests !== 0) {
       const text = Buffer.from(name.slice(0, name.indexOf(0))).toString();
       require('node:fs').writeSync(2, 'timeout after ' + seconds + ' s, process killed: ' + text + '\\n');
       process.kill(pid, 'SIGKILL');
     }
   }`,
  { eval: true, workerData: { begun, name, seconds, pid: process.pid } },
).unref();

beforeEach(() => {
  name.fill(0);
  new TextEncoder().encodeInto(expect.getState().currentTestName ?? '', name.subarray(0, -1));
  Atomics.add(begun, 0, 1);
  Atomics.notify(begun, 0);
});

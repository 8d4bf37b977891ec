import { parentPort, workerData } from 'node:worker_threads';
import { type KickHandle, kick } from '@kvm/core';
import type { KickerData } from './kick.js';

/** The thread that stops the guest of the other thread, turn by turn. */

const { handle, wanted, kickedAt } = workerData as KickerData;
const pause = new Int32Array(new SharedArrayBuffer(4));
parentPort?.postMessage('ready');
for (let turn = 1; ; turn++) {
  while (Atomics.load(wanted, 0) < turn) Atomics.wait(wanted, 0, turn - 1);
  // The guest runs by then.
  Atomics.wait(pause, 0, 0, 1);
  Atomics.store(kickedAt, 0, process.hrtime.bigint());
  kick(handle as KickHandle);
}

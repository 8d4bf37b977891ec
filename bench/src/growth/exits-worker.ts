import { parentPort, workerData } from 'node:worker_threads';
import type { BackendName } from '@kvm/core';
import { startGuest, writesPort } from '../contenders/guest.js';
import { portWrites } from '../contenders/loops.js';

/** Runs a guest that only exits, for a given number of milliseconds, and posts the number of exits. */

const guest = startGuest((workerData as { backend: BackendName }).backend, writesPort);
portWrites(guest, 5000);
parentPort?.on('message', (milliseconds: number) => {
  const batch = 500;
  const end = performance.now() + milliseconds;
  let count = 0;
  for (; performance.now() < end; count += batch) portWrites(guest, batch);
  parentPort?.postMessage(count);
});
parentPort?.postMessage('ready');

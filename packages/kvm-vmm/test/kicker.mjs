// A thread that kicks a vCPU of another until it is told that this was enough.
import { parentPort, workerData } from 'node:worker_threads';
import { kick } from '@kvm/core';

const { handle, enough } = workerData;
parentPort.postMessage('ready');
while (Atomics.wait(enough, 0, 0, 20) === 'timed-out') kick(handle);

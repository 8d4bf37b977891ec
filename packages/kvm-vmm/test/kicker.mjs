// Kicks a vCPU of another thread again and again, until a shared word ends it.
import { parentPort, workerData } from 'node:worker_threads';
import { kick } from '@kvm/core';

const { handle, enough } = workerData;
parentPort.postMessage('ready');
while (Atomics.wait(enough, 0, 0, 20) === 'timed-out') kick(handle);

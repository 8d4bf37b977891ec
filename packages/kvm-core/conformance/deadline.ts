import { Worker } from 'node:worker_threads';
import type { Exit, KickHandle, Vcpu } from '../src/index.js';

/** A thread that kicks what it was told to, unless it is told in time that there is no need. */
const kicker = new Worker(
  `const { parentPort, workerData } = require('node:worker_threads');
   import(workerData).then(({ kick }) => {
     let timer;
     parentPort.on('message', ({ handle, milliseconds }) => {
       clearTimeout(timer);
       if (handle !== undefined) timer = setTimeout(kick, milliseconds, handle);
     });
   });`,
  { eval: true, workerData: new URL('../dist/index.js', import.meta.url).href },
);
kicker.unref();

/** Runs a guest that may never exit: after so long it is kicked, and the exit is an Intr. */
export function runFor(vcpu: Vcpu, milliseconds: number): Exit {
  tell({ handle: vcpu.kickHandle(), milliseconds });
  try {
    return vcpu.run();
  } finally {
    tell({});
  }
}

function tell(order: { handle?: KickHandle; milliseconds?: number }): void {
  kicker.postMessage(order);
}

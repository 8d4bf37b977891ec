import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type BackendName, ExitReason } from '@kvm/core';
import { quantile } from '../rounds/statistics.js';
import { spins, startGuest, unexpected } from './guest.js';
import type { Loop } from './loops.js';

/** The median time from when another thread decides to stop a spinning guest until its run returns. */
export function kickLoop(backend: BackendName): Loop {
  let prepared: Promise<() => number> | undefined;
  return async (count) => {
    prepared ??= prepare(backend);
    const kick = await prepared;
    const times = new Float64Array(count);
    for (let i = 0; i < count; i++) times[i] = kick();
    return quantile([...times.sort()], 0.5);
  };
}

/** The words that the two threads share. */
export interface KickerData {
  readonly handle: unknown;
  /** The turn to kick. */
  readonly wanted: Int32Array;
  /** The time of the last kick, on the clock of both threads. */
  readonly kickedAt: BigInt64Array;
}

async function prepare(backend: BackendName): Promise<() => number> {
  const { vcpu } = startGuest(backend, spins);
  const wanted = new Int32Array(new SharedArrayBuffer(4));
  const kickedAt = new BigInt64Array(new SharedArrayBuffer(8));
  const workerData: KickerData = { handle: vcpu.kickHandle(), wanted, kickedAt };
  const worker = new Worker(new URL('./kicker.js', import.meta.url), { workerData });
  worker.unref();
  await once(worker, 'message');
  return () => {
    Atomics.add(wanted, 0, 1);
    Atomics.notify(wanted, 0);
    const exit = vcpu.run();
    const now = process.hrtime.bigint();
    if (exit.reason !== ExitReason.Intr) unexpected(exit);
    return Number(now - Atomics.load(kickedAt, 0));
  };
}

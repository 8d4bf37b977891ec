import type { Backend } from '../backend/backend.js';

/**
 * A Worker ends, be it by `terminate()` or with its process, once its thread is back in JavaScript; both wait for it. A guest that spins
 * or sleeps never comes back. So a thread that runs vCPUs, other than the main one, is sent a signal at intervals: `KVM_RUN` returns, the
 * engine sees whether the thread is to end, and else `KVM_RUN` goes on without a word.
 */

/** In milliseconds: seldom enough to cost nothing, and soon enough for a process that ends with many vCPUs, one after another. */
const interval = 50;

let beats = false;

/** Whether this thread is sent signals that mean nothing. */
export function hasHeartbeat(): boolean {
  return beats;
}

/** Before this thread, whose id the kernel says, runs a vCPU. The main thread has none: it cannot end while it is in a guest. */
export function startHeartbeat(backend: Backend, threadId: number): void {
  if (beats || threadId === process.pid) return;
  const timer = backend.createTimer(threadId);
  // As many timers as the process may have, or no signal: the guest runs all the same.
  if (timer < 0) return;
  backend.setTimer(timer, interval, interval);
  beats = true;
  // The kernel sends nothing to a thread that was terminated.
  process.once('exit', () => backend.deleteTimer(timer));
}

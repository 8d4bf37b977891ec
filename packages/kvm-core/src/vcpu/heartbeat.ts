import type { Backend } from '../backend/backend.js';

/**
 * `terminate()` and the end of the process both wait until a Worker's thread is back in JavaScript. A guest that spins
 * or sleeps never returns. So each thread that runs vCPUs, except the main thread, receives a signal at intervals:
 * `KVM_RUN` returns, the engine checks whether the thread has to end, and otherwise `KVM_RUN` continues.
 */

/**
 * In milliseconds: rare enough to cost nothing, and short enough for a process that ends with many vCPUs, one by one.
 */
const interval = 50;

let beats = false;

/** Whether this thread receives the heartbeat, so that an interrupted run may have no other cause. */
export function hasHeartbeat(): boolean {
  return beats;
}

/**
 * Starts the heartbeat of this thread before it runs a vCPU. The main thread has none: it cannot end while in a guest.
 *
 * @param threadId the kernel's id of this thread.
 */
export function startHeartbeat(backend: Backend, threadId: number): void {
  if (beats || threadId === process.pid) return;
  const timer = backend.createTimer(threadId);
  // The process has no timer or signal left; the guest can run without a heartbeat.
  if (timer < 0) return;
  backend.setTimer(timer, interval, interval);
  beats = true;
  // A terminated Worker emits no 'exit', but the kernel sends no signal to a thread that has ended.
  process.once('exit', () => backend.deleteTimer(timer));
}

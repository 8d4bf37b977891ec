import { KvmRun } from '../abi/x86/index.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { selectBackend } from '../backend/select.js';

/** The words that a vCPU's thread and those that kick it share. */
const THREAD = 0;
const CLOSED = 1;
const KICKS = 2;
const WORDS = 3;

/** A way to kick a vCPU, as `postMessage` carries it: `kick` takes it in any thread. */
export interface KickHandle {
  readonly words: Int32Array;
  /** Of the mapped run state. */
  readonly address: number;
  /** The vCPU's backend, which loads in this thread because it loaded in that one. */
  readonly backend: BackendName;
}

/** The vCPU's side: says which thread runs it, and when it is gone. */
export class KickState {
  readonly words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));

  /** Before the first run in a thread. An atomic store, so that a kicker who saw no thread has its flag seen by this one. */
  bind(threadId: number): void {
    Atomics.store(this.words, THREAD, threadId);
  }

  close(): void {
    Atomics.store(this.words, CLOSED, 1);
  }
}

const views = new WeakMap<Int32Array, Uint8Array>();

/**
 * Stops a vCPU from any thread: its `run` returns, with the exit reason `Intr`, soon if the guest is running and at once if it
 * was about to. A kick of a closed vCPU does nothing.
 *
 * The flag in the run state catches a run that has not begun; the signal one that has. Each may cause a return of its own, so a
 * loop around `run` must expect one more than there were kicks.
 */
export function kick(handle: KickHandle): void {
  const { words, address } = handle;
  if (Atomics.load(words, CLOSED) !== 0) return;
  const backend = selectBackend(handle.backend);
  runState(backend, words, address)[immediateExit] = 1;
  // The addition is also a fence: the flag is out before the thread is looked up.
  Atomics.add(words, KICKS, 1);
  const thread = Atomics.load(words, THREAD);
  if (thread !== 0) backend.interrupt(thread);
}

/** Where the flag is, found through the struct itself: there is no offset to type. */
const immediateExit = offsetOfImmediateExit();

function offsetOfImmediateExit(): number {
  const probe = new KvmRun();
  probe.immediateExit = 1;
  return probe.bytes.indexOf(1);
}

function runState(backend: Backend, words: Int32Array, address: number): Uint8Array {
  let view = views.get(words);
  if (view === undefined) {
    view = new Uint8Array(backend.view(address, immediateExit + 1));
    views.set(words, view);
  }
  return view;
}

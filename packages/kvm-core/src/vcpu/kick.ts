import { readFileSync } from 'node:fs';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import type { RunState } from './run-state.js';

/** The words that a vCPU's thread and those that kick it share. */
const THREAD = 0;
const CLOSED = 1;
const PENDING = 2;
/** Where the flag is in the run state, which the vCPU's thread finds out through the struct: a kicker knows no architecture. */
const FLAG_OFFSET = 3;
const WORDS = 4;

/** A way to kick a vCPU, as `postMessage` carries it: `kick` takes it in any thread of the process. */
export interface KickHandle {
  readonly words: Int32Array;
  /** Of the mapped run state. */
  readonly address: number;
  /** The vCPU's backend, which loads in this thread because it loaded in that one. */
  readonly backend: BackendName;
}

/** The run states this thread has found, by the words that belong to them. */
const views = new WeakMap<Int32Array, Uint8Array>();

/** The vCPU's side: says which thread runs it, that a kick has arrived, and when the vCPU is gone. */
export class KickState {
  readonly words: Int32Array;

  /** @param words of a vCPU that another thread had. */
  constructor(
    { arch, bytes }: RunState,
    words: Int32Array = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)),
  ) {
    this.words = words;
    this.words[FLAG_OFFSET] = arch.abi.KvmRun.from({ immediateExit: 1 }).bytes.indexOf(1);
    views.set(this.words, bytes);
  }

  /** Before the first run in a thread. An atomic store, so that a kicker who saw no thread has its flag seen by this one. */
  bind(threadId: number): void {
    Atomics.store(this.words, THREAD, threadId);
  }

  /** No thread runs it for now. */
  unbind(): void {
    Atomics.store(this.words, THREAD, 0);
  }

  /**
   * A run has returned with EINTR. The flag goes first: a kick between the two stores is one with that which is being taken, and
   * one after them raises the flag again.
   */
  take({ run }: RunState): void {
    run.immediateExit = 0;
    Atomics.store(this.words, PENDING, 0);
  }

  /** A run that was to end at once has. The flag is that of the kick that waits, if there is one. */
  settled({ run }: RunState): void {
    run.immediateExit = 0;
    // A kick after this raises the flag itself.
    if (Atomics.load(this.words, PENDING) !== 0) run.immediateExit = 1;
  }

  close(): void {
    Atomics.store(this.words, CLOSED, 1);
  }
}

/**
 * Stops a vCPU from any thread: its `run` returns with the exit reason `Intr`, soon if the guest is running and at once if it
 * was about to. Kicks that come before the first is taken are one with it. A kick of a closed vCPU does nothing.
 *
 * The flag in the run state catches a run that has not begun; the signal one that has. Each may cause a return of its own, so a
 * loop around `run` must expect one more than there were kicks.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when the handle is none of a vCPU of this process.
 */
export function kick(handle: KickHandle): void {
  checkHandle(handle);
  const { words, address } = handle;
  if (Atomics.load(words, CLOSED) !== 0) return;
  const backend = selectBackend(handle.backend);
  const state = runState(backend, words, address);
  if (state === undefined || Atomics.exchange(words, PENDING, 1) !== 0) return;
  state[words[FLAG_OFFSET] as number] = 1;
  // A fence: the flag is out before the thread is looked up.
  const thread = Atomics.add(words, THREAD, 0);
  if (thread !== 0) backend.interrupt(thread);
}

function checkHandle(handle: KickHandle): void {
  const { words, address, backend } = (handle ?? {}) as Partial<KickHandle>;
  const whole =
    words instanceof Int32Array &&
    words.length === WORDS &&
    words.buffer instanceof SharedArrayBuffer &&
    isFlagOffset(words[FLAG_OFFSET] as number) &&
    Number.isSafeInteger(address) &&
    backendNames.includes(backend as BackendName);
  if (!whole) throw notAHandle();
}

function notAHandle(): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not what kickHandle() of a vCPU of this process gave');
}

/** It is among the first bytes, on every architecture. */
function isFlagOffset(offset: number): boolean {
  return offset >= 0 && offset < 32;
}

/** The run state as this thread sees it, once it is sure that one is there; undefined if its vCPU has closed meanwhile. */
function runState(backend: Backend, words: Int32Array, address: number): Uint8Array | undefined {
  const known = views.get(words);
  if (known !== undefined) return known;
  if (!isRunState(address)) {
    if (Atomics.load(words, CLOSED) !== 0) return undefined;
    throw notAHandle();
  }
  const view = new Uint8Array(backend.view(address, (words[FLAG_OFFSET] as number) + 1));
  views.set(words, view);
  return view;
}

/** Whether a vCPU is mapped at the address. What is mapped for one stays mapped, so to ask once is enough. */
function isRunState(address: number): boolean {
  const start = address.toString(16).padStart(8, '0');
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .some((line) => line.startsWith(`${start}-`) && line.includes('anon_inode:kvm-vcpu'));
}

import type { Architecture } from '../arch/architecture.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { areCounts, isSharedWords, notAHandle } from '../ioctl/claim.js';
import { objectOf } from '../struct/check.js';
import type { RunState } from './run-state.js';

/** The words that a vCPU's thread and those that kick it share. */
const THREAD = 0;
const CLOSED = 1;
/** How far a kick is: a `Progress`. */
const PENDING = 2;
/**
 * Where the flag is in the run state, which the vCPU's thread finds out through the struct: a kicker knows no
 * architecture.
 */
const FLAG_OFFSET = 3;
const WORDS = 4;
const wordBytes = Int32Array.BYTES_PER_ELEMENT;

/** How far the kick of a vCPU is. */
const Progress = {
  /** There is none. */
  None: 0,
  /** The flag may be up; the signal is still to come. */
  Sending: 1,
  /** The signal has been sent. */
  Sent: 2,
} as const;

/**
 * How long the vCPU's thread waits for the signal of a kick, in milliseconds: the thread that kicks may have been
 * terminated.
 */
const patience = 1000;

/** The words of the vCPUs that this thread runs, and that another may kick. */
const bound = new Set<Int32Array>();

/** Whether a kick waits for a vCPU of this thread. */
export function isKicked(): boolean {
  for (const words of bound) if (Atomics.load(words, PENDING) !== Progress.None) return true;
  return false;
}

/** The flag is among so many first bytes of the run state, on every architecture. */
const flagBytes = 32;

/** A way to kick a vCPU, as `postMessage` carries it: `kick` takes it in any thread of the process. */
export interface KickHandle {
  readonly words: Int32Array;
  /** Of the mapped run state. */
  readonly address: number;
  /** The vCPU's backend, which loads in this thread because it loaded in that one. */
  readonly backend: BackendName;
}

/** Where the flag is, by architecture. */
const flagOffsets = new Map<Architecture, number>();

function flagOffsetOf(arch: Architecture): number {
  const known = flagOffsets.get(arch);
  if (known !== undefined) return known;
  const offset = arch.abi.KvmRun.from({ immediateExit: 1 }).bytes.indexOf(1);
  flagOffsets.set(arch, offset);
  return offset;
}

/** The first bytes of the run states this thread has found, by the words that belong to them. */
const views = new WeakMap<Int32Array, Uint8Array>();

/** The vCPU's side: says which thread runs it, that a kick has arrived, and when the vCPU is gone. */
export class KickState {
  /**
   * Marks the vCPU as closed. It refers to no view of the run state: such a view keeps the vCPU from being collected.
   */
  readonly close: () => void;
  readonly #state: RunState;
  readonly #backend: Backend;
  readonly #shared: { words?: Int32Array } = {};
  #thread = 0;

  /** @param words of a vCPU that another thread had. */
  constructor(backend: Backend, state: RunState, words?: Int32Array) {
    this.#state = state;
    this.#backend = backend;
    this.close = closeOf(this.#shared);
    if (words !== undefined) this.#share(words);
  }

  get #words(): Int32Array | undefined {
    return this.#shared.words;
  }

  /**
   * Made when somebody first asks for a handle: until then nobody can kick, and shared memory takes its time to make.
   */
  get words(): Int32Array {
    return this.#words ?? this.#share(new Int32Array(new SharedArrayBuffer(WORDS * wordBytes)));
  }

  #share(words: Int32Array): Int32Array {
    words[FLAG_OFFSET] = flagOffsetOf(this.#state.arch);
    // A view of its own: a user may transfer the buffer of the run state, which also keeps the vCPU alive.
    views.set(words, new Uint8Array(this.#backend.view(this.#state.address, flagBytes)));
    this.#shared.words = words;
    if (this.#thread !== 0) this.bind(this.#thread);
    return words;
  }

  /**
   * Before the first run in a thread. An atomic store, so that a kicker who saw no thread has its flag seen by this
   * one.
   */
  bind(threadId: number): void {
    this.#thread = threadId;
    if (this.#words === undefined) return;
    Atomics.store(this.#words, THREAD, threadId);
    if (threadId === 0) bound.delete(this.#words);
    else bound.add(this.#words);
  }

  /** No thread runs it for now. */
  unbind(): void {
    this.bind(0);
  }

  /** Whether a kick waits, or somebody has raised the flag by hand. */
  get isPending(): boolean {
    if (this.#state.run.immediateExit !== 0) return true;
    return this.#words !== undefined && Atomics.load(this.#words, PENDING) !== Progress.None;
  }

  /**
   * A run has returned with EINTR. If the flag of a kick ended it, the signal may be still to come, and would end a
   * later run, perhaps of another vCPU: so it is waited for. Then the flag is cleared before the word: a kick between
   * the two stores is one with that which is being taken, and one after them raises the flag again.
   */
  take(backend: Backend): void {
    const words = this.#words;
    if (words !== undefined && Atomics.load(words, PENDING) !== Progress.None) {
      Atomics.wait(words, PENDING, Progress.Sending, patience);
      // A signal that has been sent is delivered when a system call returns, whichever it is.
      backend.threadId();
    }
    this.#state.run.immediateExit = 0;
    if (words !== undefined) Atomics.store(words, PENDING, Progress.None);
  }

  /** A run that was to end at once has. The flag is that of the kick that waits, if there is one. */
  settled(): void {
    const { run } = this.#state;
    run.immediateExit = 0;
    // No load: a processor may read the word before the flag is out, and then a kick in between is lost, its flag and
    // its turn. A kick after this raises the flag itself.
    if (this.#words !== undefined && Atomics.add(this.#words, PENDING, 0) !== Progress.None) run.immediateExit = 1;
  }
}

function closeOf(shared: { readonly words?: Int32Array }): () => void {
  return () => {
    if (shared.words === undefined) return;
    Atomics.store(shared.words, CLOSED, 1);
    bound.delete(shared.words);
  };
}

/**
 * Stops a vCPU from any thread: its `run` returns with the exit reason `Intr`, soon if the guest is running and at once
 * if it was about to. Kicks that come before the first is taken are one with it. A kick of a closed vCPU does nothing.
 *
 * The flag in the run state catches a run that has not begun; the signal one that has. A kick ends one run, and no run
 * of another vCPU of that thread unless it is running when the signal arrives.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when the handle is none of a vCPU of this process.
 */
export function kick(handle: KickHandle): void {
  const { words, address, backend: name } = objectOf(handle, 'what kickHandle gave');
  if (!isKickWords(words) || !areCounts(address) || !backendNames.includes(name)) {
    throw notAHandle('vcpu.kickHandle()');
  }
  if (Atomics.load(words, CLOSED) !== 0) return;
  const backend = selectBackend(name);
  const state = runState(backend, words, address);
  if (Atomics.compareExchange(words, PENDING, Progress.None, Progress.Sending) !== Progress.None) return;
  state[words[FLAG_OFFSET] as number] = 1;
  // A fence: the flag is out before the thread is looked up.
  const thread = Atomics.add(words, THREAD, 0);
  if (thread !== 0) backend.interrupt(thread);
  // Unless the vCPU's thread has given up waiting.
  if (Atomics.compareExchange(words, PENDING, Progress.Sending, Progress.Sent) === Progress.Sending) {
    Atomics.notify(words, PENDING);
  }
}

/** @internal */
export function isKickWords(words: unknown): words is Int32Array {
  return isSharedWords(words, WORDS);
}

/** The run state as this thread sees it. What was mapped for a vCPU stays mapped: the view never faults. */
function runState(backend: Backend, words: Int32Array, address: number): Uint8Array {
  const known = views.get(words);
  if (known !== undefined) return known;
  const view = new Uint8Array(backend.view(address, flagBytes));
  views.set(words, view);
  return view;
}

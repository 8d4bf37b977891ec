import type { Architecture } from '../arch/architecture.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { areCounts, isSharedWords, notAHandle } from '../ioctl/claim.js';
import { objectOf } from '../struct/check.js';
import type { RunState } from './run-state.js';

/** Indices of the words that a vCPU's thread shares with the threads that kick it. */
const THREAD = 0;
const CLOSED = 1;
/** The state of a kick: a `Progress`. */
const PENDING = 2;
/** The flag's offset in the run state. The vCPU's thread sets it, because a kicker does not know the architecture. */
const FLAG_OFFSET = 3;
const WORDS = 4;
const wordBytes = Int32Array.BYTES_PER_ELEMENT;

/** The state of a kick. */
const Progress = {
  /** No kick is pending. */
  None: 0,
  /** The flag may be set; the signal has not been sent yet. */
  Sending: 1,
  /** The signal has been sent. */
  Sent: 2,
} as const;

/**
 * How long the vCPU's thread waits for the signal of a kick, in milliseconds. It needs a limit because the kicking
 * thread may have been terminated.
 */
const patience = 1000;

/** The words of the vCPUs that this thread runs and other threads may kick. */
const bound = new Set<Int32Array>();

/** Whether a kick of a vCPU of this thread is pending. */
export function isKicked(): boolean {
  for (const words of bound) if (Atomics.load(words, PENDING) !== Progress.None) return true;
  return false;
}

/** The flag is in this many bytes at the start of the run state, on every architecture. */
const flagBytes = 32;

/** A handle to kick a vCPU, for `postMessage`. `kick` takes it in any thread of the process. */
export interface KickHandle {
  readonly words: Int32Array;
  /** The address of the mapped run state. */
  readonly address: number;
  /** The vCPU's backend. It loads in every thread if it has loaded in one. */
  readonly backend: BackendName;
}

/** The offset of the flag, by architecture. */
const flagOffsets = new Map<Architecture, number>();

function flagOffsetOf(arch: Architecture): number {
  const known = flagOffsets.get(arch);
  if (known !== undefined) return known;
  const offset = arch.abi.KvmRun.from({ immediateExit: 1 }).bytes.indexOf(1);
  flagOffsets.set(arch, offset);
  return offset;
}

/** This thread's views of the start of run states, by the words of the vCPU. */
const views = new WeakMap<Int32Array, Uint8Array>();

/** The vCPU's side of kicks: it tells which thread runs the vCPU, takes kicks, and marks the vCPU as closed. */
export class KickState {
  /** Marks the vCPU as closed. It must not refer to a view of the run state, which would keep the vCPU alive. */
  readonly close: () => void;
  readonly #state: RunState;
  readonly #backend: Backend;
  readonly #shared: { words?: Int32Array } = {};
  #thread = 0;

  /** @param words those of a vCPU that another thread had. */
  constructor(backend: Backend, state: RunState, words?: Int32Array) {
    this.#state = state;
    this.#backend = backend;
    this.close = closeOf(this.#shared);
    if (words !== undefined) this.#share(words);
  }

  get #words(): Int32Array | undefined {
    return this.#shared.words;
  }

  /** Created with the first handle, without which nobody can kick: allocating shared memory is slow. */
  get words(): Int32Array {
    return this.#words ?? this.#share(new Int32Array(new SharedArrayBuffer(WORDS * wordBytes)));
  }

  #share(words: Int32Array): Int32Array {
    words[FLAG_OFFSET] = flagOffsetOf(this.#state.arch);
    // A separate view: a user may transfer the buffer of the run state, and that buffer keeps the vCPU alive.
    views.set(words, new Uint8Array(this.#backend.view(this.#state.address, flagBytes)));
    this.#shared.words = words;
    if (this.#thread !== 0) this.bind(this.#thread);
    return words;
  }

  /**
   * Called before the first run in a thread. The store is atomic: if a kicker has read no thread id, this thread sees
   * its flag.
   */
  bind(threadId: number): void {
    this.#thread = threadId;
    if (this.#words === undefined) return;
    Atomics.store(this.#words, THREAD, threadId);
    if (threadId === 0) bound.delete(this.#words);
    else bound.add(this.#words);
  }

  /** Called when no thread runs the vCPU for now. */
  unbind(): void {
    this.bind(0);
  }

  /** Whether a kick is pending, or the program has set the flag itself. */
  get isPending(): boolean {
    if (this.#state.run.immediateExit !== 0) return true;
    return this.#words !== undefined && Atomics.load(this.#words, PENDING) !== Progress.None;
  }

  /**
   * Takes a kick after a run that returned with EINTR. If the flag ended the run, the signal may not have arrived yet.
   * It would end a later run, perhaps of another vCPU, so this waits for it. The flag is cleared before the word: a
   * kick between the two stores merges with this one, and a kick after them sets the flag again.
   */
  take(backend: Backend): void {
    const words = this.#words;
    if (words !== undefined && Atomics.load(words, PENDING) !== Progress.None) {
      Atomics.wait(words, PENDING, Progress.Sending, patience);
      // The kernel delivers a sent signal before any system call returns.
      backend.threadId();
    }
    this.#state.run.immediateExit = 0;
    if (words !== undefined) Atomics.store(words, PENDING, Progress.None);
  }

  /** Called after a run that was made to end at once. The flag stays set if a kick is pending. */
  settled(): void {
    const { run } = this.#state;
    run.immediateExit = 0;
    // Not a plain load: a processor may read the word before the store to the flag is visible, and a kick in between
    // would be lost. A kick after this sets the flag itself.
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
 * Stops a vCPU from any thread: its `run` returns with the exit reason `Intr`, soon if the guest is running, or at once
 * with the next run. Kicks merge until the first one is taken. A kick of a closed vCPU does nothing.
 *
 * The flag in the run state ends a run that has not begun; the signal ends one that has. A kick ends one run. It ends a
 * run of another vCPU of that thread only if that vCPU is running when the signal arrives.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if this is not a handle of a vCPU of this process.
 */
export function kick(handle: KickHandle): void {
  const { words, address, backend: name } = objectOf(handle, 'the result of vcpu.kickHandle()');
  if (!isKickWords(words) || !areCounts(address) || !backendNames.includes(name)) {
    throw notAHandle('vcpu.kickHandle()');
  }
  if (Atomics.load(words, CLOSED) !== 0) return;
  const backend = selectBackend(name);
  const state = runState(backend, words, address);
  if (Atomics.compareExchange(words, PENDING, Progress.None, Progress.Sending) !== Progress.None) return;
  state[words[FLAG_OFFSET] as number] = 1;
  // A fence: the flag is visible before the thread id is read.
  const thread = Atomics.add(words, THREAD, 0);
  if (thread !== 0) backend.interrupt(thread);
  // The exchange fails if the vCPU's thread has stopped waiting.
  if (Atomics.compareExchange(words, PENDING, Progress.Sending, Progress.Sent) === Progress.Sending) {
    Atomics.notify(words, PENDING);
  }
}

/** @internal */
export function isKickWords(words: unknown): words is Int32Array {
  return isSharedWords(words, WORDS);
}

/** This thread's view of the run state. The pages of a vCPU stay mapped, so the view never faults. */
function runState(backend: Backend, words: Int32Array, address: number): Uint8Array {
  const known = views.get(words);
  if (known !== undefined) return known;
  const view = new Uint8Array(backend.view(address, flagBytes));
  views.set(words, view);
  return view;
}

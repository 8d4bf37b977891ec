import type { ResourceLimits, Worker } from 'node:worker_threads';
import { decodeError } from '../errors/across-threads.js';
import { KvmError } from '../errors/kvm-error.js';
import type { SharedVm } from '../ioctl/shared-vm.js';
import { type KickHandle, kick } from '../vcpu/kick.js';
import type { TransferredVcpu } from '../vcpu/transfer.js';
import { type Ending, type Order, type Report, Turn, Word } from './protocol.js';

/**
 * The interval at which a stopping guest is kicked again, in milliseconds. A handler that runs the vCPU itself may have
 * consumed a kick, and a Worker in its guest ends only after it has left the guest.
 */
const kickInterval = 50;

/** The default of `grace`, in milliseconds. */
const defaultGrace = 5000;

/** More messages than any queue holds: releases a handler that waits for room. */
const all = 2 ** 30;

/** The starting thread's view of one vCPU in its Worker. */
export class RunningVcpu {
  /** How it ended. The promise never rejects: `failed` receives an error. */
  readonly ended: Promise<Ending | undefined>;
  /** The handle with which the vCPU went. */
  readonly offered: TransferredVcpu;
  /** The handle with which it came back. */
  returned: TransferredVcpu | undefined;
  /** The Worker's handle of the VM, once it has begun. */
  vm: SharedVm | undefined;
  readonly #worker: Worker;
  readonly #kickHandle: KickHandle;
  readonly #words: Int32Array;
  readonly #onMessage: (message: unknown) => unknown;
  readonly #failed: (error: unknown) => void;
  readonly #stopAll: () => void;
  /** Messages are handled one after another. */
  #messages: Promise<void> = Promise.resolve();
  /** The Worker has not ended yet. */
  #running = true;
  /** Nothing is awaited any longer, not even onMessage. */
  #over = false;
  /** The time that it may take to stop, in milliseconds; undefined until it has to. */
  #grace: number | undefined;
  /** The end of that time on the clock of `performance.now()`. It is set once the Worker has begun. */
  #deadline = Number.POSITIVE_INFINITY;
  /** This thread terminated it, because it did not end by itself. */
  #terminated = false;
  #kicking: NodeJS.Timeout | undefined;
  #giveUp = (): void => undefined;

  constructor(
    order: Order,
    program: URL | undefined,
    resourceLimits: ResourceLimits,
    kickHandle: KickHandle,
    onMessage: (message: unknown) => unknown,
    failed: (error: unknown) => void,
    stopAll: () => void,
  ) {
    this.offered = order.vcpu;
    this.#kickHandle = kickHandle;
    this.#words = order.words;
    this.#onMessage = onMessage;
    this.#failed = failed;
    this.#stopAll = stopAll;
    this.#worker = workerOf(program, resourceLimits, order);
    this.ended = this.#watch(this.#worker);
  }

  /** For `console.log`. */
  get state(): 'starting' | 'running' | 'stopping' | 'ended' {
    if (this.#over) return 'ended';
    if (this.#grace !== undefined) return 'stopping';
    return this.vm === undefined ? 'starting' : 'running';
  }

  #watch(worker: Worker): Promise<Ending | undefined> {
    return new Promise((resolve) => {
      let ending: Ending | undefined;
      let isOver = false;
      const finish = (): void => {
        this.#over = true;
        clearInterval(this.#kicking);
        resolve(ending);
      };
      this.#giveUp = () => {
        if (ending !== undefined) ending = { ...ending, ended: 'timeout' };
        finish();
      };
      worker.on('message', (report: Report) => {
        if (report.kind === 'message') {
          this.#take(report.message);
          return;
        }
        if (report.kind === 'began') {
          // Only the first one counts: a later one is a handler's own message, maybe about another VM.
          this.vm ??= report.vm;
          this.#count();
          return;
        }
        isOver = true;
        if (report.vcpu !== undefined) this.returned = report.vcpu;
        if (report.kind === 'ended') {
          ending = report.ending;
          if (ending.ended === 'machine') this.#stopAll();
        } else this.#failed(decodeError(report.error));
        // The vCPU is back, even if handlers have left timers or promises.
        worker.terminate();
      });
      worker.on('error', (error) => {
        isOver = true;
        // The Worker's program reports its own errors, so this one is the engine's.
        this.#failed(this.vm === undefined ? notStarted(error) : error);
      });
      worker.on('exit', (code) => {
        this.#running = false;
        if (!isOver && this.#terminated) ending = { ended: 'timeout', reason: undefined, result: undefined };
        else if (!isOver) this.#failed(endedByItself(code));
        this.#messages.then(finish);
      });
    });
  }

  #take(message: unknown): void {
    this.#messages = this.#messages
      .then(() => (this.#over ? undefined : this.#onMessage(message)))
      .then(() => undefined, this.#failed)
      .then(() => {
        Atomics.add(this.#words, Word.Taken, 1);
        Atomics.notify(this.#words, Word.Taken);
      });
  }

  /**
   * Ends the run of the guest, and a handler's wait for room. A Worker that takes longer is terminated.
   *
   * @param grace in milliseconds. Default: the value of an earlier call.
   */
  stop(grace?: number): void {
    if (this.#over) return;
    const isFirst = this.#grace === undefined;
    if (grace !== undefined || isFirst) {
      this.#grace = grace ?? defaultGrace;
      this.#count();
    }
    if (isFirst) {
      Atomics.store(this.#words, Word.Stop, 1);
      Atomics.add(this.#words, Word.Taken, all);
      Atomics.notify(this.#words, Word.Taken);
      this.#kicking = setInterval(() => this.#press(), kickInterval);
    }
    this.#press();
  }

  /** Starts the time to stop, if it has to stop and has begun. */
  #count(): void {
    if (this.#grace !== undefined && this.vm !== undefined) this.#deadline = performance.now() + this.#grace;
  }

  /** Terminates before it kicks, so that the guest is not entered again after the kick. */
  #press(): void {
    if (performance.now() >= this.#deadline) this.#end();
    if (this.#running) kick(this.#kickHandle);
  }

  /** Ends it without waiting any longer. */
  #end(): void {
    if (!this.#running) {
      this.#giveUp();
    } else if (Atomics.compareExchange(this.#words, Word.Turn, Turn.Nobody, Turn.Ending) === Turn.Nobody) {
      this.#terminated = true;
      this.#worker.terminate();
    }
  }
}

/**
 * The package's own program is found from the sources as well as from `dist/shared`, which contains this code in the
 * built package. It is missing in a bundle; some bundles do not even have an `import.meta.url`.
 */
function workerOf(program: URL | undefined, resourceLimits: ResourceLimits, order: Order): Worker {
  // Loaded on first use, which most programs do without: docs/decisions/bundles.md.
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  try {
    return new Worker(program ?? new URL('../../dist/threads/worker.js', import.meta.url), {
      workerData: order,
      resourceLimits,
      name: `vcpu of ${order.handlers}`,
    });
  } catch (error) {
    throw notStarted(error);
  }
}

function notStarted(cause: unknown): KvmError {
  const { code } = cause as { code?: unknown };
  const hint =
    code === 'ERR_ACCESS_DENIED'
      ? "with Node's --permission, Workers need --allow-worker, and their files --allow-fs-read"
      : 'in a bundle, vm.start needs the option workerUrl: ' +
        'the URL of an entry of the bundle that imports @kvm/core/worker';
  return new KvmError('ERR_KVM_HANDLER', 'the Worker of a vCPU could not be started', { cause, hint });
}

function endedByItself(code: number): KvmError {
  return new KvmError('ERR_KVM_HANDLER', `the Worker of a vCPU ended by itself, with status ${code}`);
}

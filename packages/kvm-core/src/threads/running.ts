import type { Worker } from 'node:worker_threads';
import { decodeError } from '../errors/across-threads.js';
import { KvmError } from '../errors/kvm-error.js';
import type { SharedVm } from '../ioctl/shared-vm.js';
import { type KickHandle, kick } from '../vcpu/kick.js';
import type { TransferredVcpu } from '../vcpu/transfer.js';
import { type Ending, type Order, type Report, Turn, Word } from './protocol.js';

/**
 * How often a guest that is to stop is kicked again, in milliseconds: a handler that runs the vCPU itself may have taken a kick, and a Worker
 * that is in its guest ends only when it is out of it.
 */
const patience = 50;

/** How long what is to stop may take, in milliseconds, where nobody says. */
const defaultGrace = 5000;

/** More than any queue holds: as if that many messages had been taken. */
const all = 2 ** 30;

/** One vCPU in its Worker, as the thread that started it sees it. */
export class RunningVcpu {
  /** How it ended; it never rejects: an error is told to `failed`. */
  readonly ended: Promise<Ending | undefined>;
  /** The handle with which the vCPU went. */
  readonly offered: TransferredVcpu;
  /** The handle with which it came back. */
  returned: TransferredVcpu | undefined;
  /** The VM as the Worker has it, from when it does. */
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
  /** Nothing is waited for any more, onMessage included. */
  #over = false;
  /** How long it may take to stop, in milliseconds, once it is to. */
  #grace: number | undefined;
  /** When patience ends, as `performance.now()` tells it: a Worker that has not begun yet cannot have stopped. */
  #deadline = Number.POSITIVE_INFINITY;
  /** It was ended from here, for it did not do so by itself. */
  #terminated = false;
  #pressing: NodeJS.Timeout | undefined;
  #giveUp = (): void => undefined;

  constructor(
    order: Order,
    program: URL | undefined,
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
    this.#worker = workerOf(program, order);
    this.ended = this.#watch(this.#worker);
  }

  #watch(worker: Worker): Promise<Ending | undefined> {
    return new Promise((resolve) => {
      let ending: Ending | undefined;
      let isOver = false;
      const finish = (): void => {
        this.#over = true;
        clearInterval(this.#pressing);
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
          // Once: what says so later is a handler, which may mean another VM.
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
        // Whatever the handlers left open, the vCPU is back.
        worker.terminate();
      });
      worker.on('error', (error) => {
        isOver = true;
        // What the program of the Worker throws, it reports: this comes of the engine.
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
   * Ends the run of the guest, and a handler's wait for room; what takes longer is ended from here.
   *
   * @param grace in milliseconds; without it, what was said before holds.
   */
  stop(grace?: number): void {
    if (this.#over) return;
    const known = this.#grace;
    if (grace !== undefined || known === undefined) {
      this.#grace = grace ?? defaultGrace;
      this.#count();
    }
    if (known === undefined) {
      Atomics.store(this.#words, Word.Stop, 1);
      Atomics.add(this.#words, Word.Taken, all);
      Atomics.notify(this.#words, Word.Taken);
      this.#pressing = setInterval(() => this.#press(), patience);
    }
    this.#press();
  }

  /** The time that it has to stop begins, if it is to, and has begun itself. */
  #count(): void {
    if (this.#grace !== undefined && this.vm !== undefined) this.#deadline = performance.now() + this.#grace;
  }

  /** An end that is due comes before the kick, so that the guest is not entered again after it. */
  #press(): void {
    if (performance.now() >= this.#deadline) this.#end();
    if (this.#running) kick(this.#kickHandle);
  }

  /** Its time is up. */
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
 * The package's own program is found from the sources as well as from `dist/shared`, where the built package has this code. In a bundle
 * it is not there; some bundles do not even have an `import.meta.url`.
 */
function workerOf(program: URL | undefined, order: Order): Worker {
  // Loaded on first use, which most programs do without: docs/decisions/bundles.md.
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  try {
    return new Worker(program ?? new URL('../../dist/threads/worker.js', import.meta.url), {
      workerData: order,
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
      : 'in a bundle, vm.start needs the option workerUrl: the URL of an entry of the bundle that imports @kvm/core/worker';
  return new KvmError('ERR_KVM_HANDLER', 'the Worker of a vCPU could not be started', { cause, hint });
}

function endedByItself(code: number): KvmError {
  return new KvmError('ERR_KVM_HANDLER', `the Worker of a vCPU ended by itself, with status ${code}`);
}

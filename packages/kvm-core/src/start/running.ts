import { Worker } from 'node:worker_threads';
import { decodeError } from '../errors/across-threads.js';
import { KvmError } from '../errors/kvm-error.js';
import type { OfferedVcpu, TransferredVcpu } from '../share/vcpu.js';
import { type KickHandle, kick } from '../vcpu/kick.js';
import { type Ending, type Order, type Report, Word } from './protocol.js';

/** From the sources as from `dist/shared`, where the bundle has this: a Worker runs what is built. */
const program = new URL('../../dist/start/worker.js', import.meta.url);

/** How often a guest that is to stop is kicked again, in milliseconds: a handler that runs the vCPU itself may have taken a kick. */
const patience = 50;

/** More than any queue holds: as if that many messages had been taken. */
const all = 2 ** 30;

/** One vCPU in its Worker, as the thread that started it sees it. */
export class RunningVcpu {
  /** How it ended; it never rejects: an error is told to `failed`. */
  readonly ended: Promise<Ending | undefined>;
  /** The vCPU as it went. */
  readonly offered: OfferedVcpu;
  /** The handle with which it came back. */
  returned: TransferredVcpu | undefined;
  readonly #kickHandle: KickHandle;
  readonly #words: Int32Array;
  readonly #onMessage: (message: unknown) => unknown;
  readonly #failed: (error: unknown) => void;
  /** Messages are handled one after another. */
  #messages: Promise<void> = Promise.resolve();
  #running = true;

  constructor(
    order: Order,
    offered: OfferedVcpu,
    kickHandle: KickHandle,
    onMessage: (message: unknown) => unknown,
    failed: (error: unknown) => void,
  ) {
    this.offered = offered;
    this.#kickHandle = kickHandle;
    this.#words = order.words;
    this.#onMessage = onMessage;
    this.#failed = failed;
    const worker = new Worker(program, { workerData: order, name: `vcpu of ${order.handlers}` });
    this.ended = this.#watch(worker);
  }

  #watch(worker: Worker): Promise<Ending | undefined> {
    return new Promise((resolve) => {
      let ending: Ending | undefined;
      let isOver = false;
      worker.on('message', (report: Report) => {
        if (report.kind === 'message') {
          this.#take(report.message);
          return;
        }
        isOver = true;
        if (report.vcpu !== undefined) this.returned = report.vcpu;
        if (report.kind === 'ended') ending = report.ending;
        else this.#failed(decodeError(report.error));
        // Whatever the handlers left open, the vCPU is back.
        worker.terminate();
      });
      worker.on('error', (error) => {
        isOver = true;
        this.#failed(error);
      });
      worker.on('exit', (code) => {
        this.#running = false;
        if (!isOver) {
          this.#failed(new KvmError('ERR_KVM_HANDLER', `the Worker of a vCPU ended by itself, with status ${code}`));
        }
        this.#messages.then(() => resolve(ending));
      });
    });
  }

  #take(message: unknown): void {
    this.#messages = this.#messages
      .then(() => this.#onMessage(message))
      .then(() => undefined, this.#failed)
      .then(() => {
        Atomics.add(this.#words, Word.Taken, 1);
        Atomics.notify(this.#words, Word.Taken);
      });
  }

  /** Ends the run of the guest, and a handler's wait for room. */
  stop(): void {
    if (!this.#running) return;
    if (Atomics.exchange(this.#words, Word.Stop, 1) === 0) {
      Atomics.add(this.#words, Word.Taken, all);
      Atomics.notify(this.#words, Word.Taken);
    }
    kick(this.#kickHandle);
    setTimeout(() => this.stop(), patience);
  }
}

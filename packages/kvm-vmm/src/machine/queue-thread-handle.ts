import { Worker } from 'node:worker_threads';
import { type EventFd, type GuestMemory, KvmError, type Vm } from '@kvm/core';
import type { RemoteOrder, RemotePlan, RemoteReport } from '../virtio/remote/remote-order.js';
import { allocateWords, Hold, Word } from '../virtio/remote/thread-words.js';

/** What the threads of a machine's devices need of it. */
export interface MachineParts {
  readonly vm: Vm;
  readonly memory: GuestMemory;
  readonly cpus: number;
  /** Called once for a thread that fails. */
  readonly failed: () => void;
}

/** A program of a Worker, and what it starts with beside what each such thread gets. */
export interface QueueProgram {
  readonly url: URL;
  readonly order: object;
  readonly queues: number;
  /** Called when the thread has ended. */
  close(): void;
}

/** The main thread's view of the thread of a device. */
export class QueueThreadHandle<Plan extends RemotePlan> {
  /** For the thread of the devices. */
  readonly plan: Plan;
  readonly #program: QueueProgram;
  readonly #words: Int32Array;
  readonly #doorbell: EventFd;
  readonly #report: EventFd;
  readonly #exited: Promise<void>;
  #failure: Error | undefined;

  constructor(program: QueueProgram, model: Omit<Plan, keyof RemotePlan>, { vm, memory, failed }: MachineParts) {
    this.#program = program;
    this.#words = allocateWords(program.queues);
    this.#doorbell = vm.createEventFd();
    this.#report = vm.createEventFd();
    const shared: RemotePlan = {
      words: this.#words,
      doorbell: this.#doorbell.share(),
      report: this.#report.share(),
    };
    this.plan = { ...model, ...shared } as Plan;
    const sharedMemory = memory.share();
    const order: RemoteOrder = {
      ...program.order,
      ...shared,
      memory: sharedMemory,
      backend: sharedMemory.backend,
    };
    const worker = new Worker(program.url, { workerData: order });
    const fail = (error: Error): void => {
      if (this.#failure === undefined) failed();
      this.#failure ??= error;
    };
    worker.on('message', ({ error }: RemoteReport) => {
      fail('code' in error ? KvmError.from(error) : new Error(error.message));
    });
    worker.on('error', fail);
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        // The thread of the devices may wait for it.
        Atomics.store(this.#words, Word.Gone, 1);
        Atomics.notify(this.#words, Word.Current);
        resolve();
      });
    });
  }

  /** Ends the thread, once no vCPU runs any more: what the guest has written is durable then. */
  async end(): Promise<Error | undefined> {
    Atomics.store(this.#words, Word.Quit, 1);
    Atomics.store(this.#words, Word.Hold, Hold.None);
    Atomics.notify(this.#words, Word.Hold);
    this.#doorbell.write();
    await this.#exited;
    for (const each of [this.#doorbell, this.#report, this.#program]) each.close();
    return this.#failure;
  }
}

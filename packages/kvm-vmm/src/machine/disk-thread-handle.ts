import { Worker } from 'node:worker_threads';
import { type EventFd, type GuestMemory, KvmError, type Vm } from '@kvm/core';
import type { OpenDisk } from '../storage/open-disk.js';
import type { BlockOrder, BlockPlan, BlockReport } from '../virtio/block/block-order.js';
import { allocateWords, Word } from '../virtio/block/thread-words.js';

/** More do not make one thread faster. */
const mostQueues = 4;

/** The main thread's view of the thread of a disk. */
export class DiskThreadHandle {
  /** For the thread of the devices. */
  readonly plan: BlockPlan;
  readonly #disk: OpenDisk;
  readonly #words: Int32Array;
  readonly #doorbell: EventFd;
  readonly #report: EventFd;
  readonly #exited: Promise<void>;
  #failure: Error | undefined;

  /** @param failed called once if the thread fails. */
  constructor(disk: OpenDisk, { vm, memory, cpus }: { vm: Vm; memory: GuestMemory; cpus: number }, failed: () => void) {
    const queues = Math.min(cpus, mostQueues);
    this.#disk = disk;
    this.#words = allocateWords(queues);
    this.#doorbell = vm.createEventFd();
    this.#report = vm.createEventFd();
    const shared = { words: this.#words, doorbell: this.#doorbell.share(), report: this.#report.share(), queues };
    const { size, isReadOnly, blockSize, order: storage, serial } = disk;
    this.plan = { kind: 'block', size, blockSize, isReadOnly, ...shared };
    const sharedMemory = memory.share();
    const order: BlockOrder = { ...shared, storage, serial, memory: sharedMemory, backend: sharedMemory.backend };
    const worker = new Worker(new URL('../../dist/virtio/block/block-thread.js', import.meta.url), {
      workerData: order,
    });
    const fail = (error: Error): void => {
      if (this.#failure === undefined) failed();
      this.#failure ??= error;
    };
    worker.on('message', ({ error }: BlockReport) => {
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
    this.#doorbell.write();
    await this.#exited;
    for (const each of [this.#doorbell, this.#report, this.#disk]) each.close();
    return this.#failure;
  }
}

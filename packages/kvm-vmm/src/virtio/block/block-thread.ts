import { parentPort, workerData } from 'node:worker_threads';
import { EventFd, GuestMemory, KvmError } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import { GuestDma } from '../../memory/guest-dma.js';
import { storageOf } from '../../storage/disk.js';
import { openRing } from '../open-ring.js';
import type { Queue } from '../queue.js';
import { Block } from './block.js';
import type { BlockOrder, BlockReport } from './block-order.js';
import { featuresIn, setupIn, Word } from './thread-words.js';

/**
 * The thread of a disk: it serves the queues, and blocks while the disk does, so that no other device waits. The
 * registers belong to the thread of the devices, which passes each activation and reset on by shared words.
 */

/** Milliseconds. Every change of a word rings the doorbell. */
const forEver = 0x7fff_ffff;

const order = workerData as BlockOrder;
const { words } = order;

class BlockThread {
  readonly #memory = GuestMemory.from(order.memory);
  readonly #dma = new GuestDma(this.#memory);
  readonly #doorbell = EventFd.from(order.doorbell);
  readonly #report = EventFd.from(order.report);
  readonly #storage = storageOf(order.storage, selectBackend(order.backend));
  readonly #block = new Block({
    name: 'disk',
    storage: this.#storage,
    memory: this.#memory,
    serial: order.serial,
    queues: order.queues,
    isInterrupted: () => Atomics.load(words, Word.Wanted) !== this.#current || Atomics.load(words, Word.Quit) !== 0,
  });
  #current = 0;

  run(): void {
    this.#block.attach({ configChanged: () => {}, needsReset: () => this.#needsReset(), usedChains: () => {} });
    while (Atomics.load(words, Word.Quit) === 0) {
      const wanted = Atomics.load(words, Word.Wanted);
      if (wanted !== this.#current) this.#activate(wanted);
      for (let queue = 0; queue < order.queues; queue++) this.#block.notify(queue);
      if (Atomics.load(words, Word.Wanted) === this.#current) this.#doorbell.wait(forEver);
      this.#doorbell.read();
    }
    this.#storage.close();
  }

  close(): void {
    for (const each of [this.#doorbell, this.#report, this.#memory]) each.close();
  }

  /** No request is in flight here. */
  #activate(wanted: number): void {
    this.#block.reset();
    this.#current = wanted;
    if (wanted !== 0) {
      const features = featuresIn(words);
      this.#block.activate(
        this.#block.queueSizes.map((size, index) => this.#open(index, size, features)),
        features,
      );
    }
    Atomics.store(words, Word.Current, wanted);
    Atomics.notify(words, Word.Current);
  }

  #open(index: number, sizeMax: number, features: bigint): Queue | undefined {
    const setup = setupIn(words, index, sizeMax);
    if (setup === undefined) return undefined;
    return openRing(this.#dma, setup, features, {
      interrupt: () => {
        Atomics.or(words, Word.Interrupts, 1 << index);
        this.#report.write();
      },
      needsReset: () => this.#needsReset(),
    });
  }

  #needsReset(): void {
    Atomics.store(words, Word.NeedsReset, 1);
    this.#report.write();
  }
}

let thread: BlockThread | undefined;
try {
  thread = new BlockThread();
  thread.run();
} catch (error) {
  const plain = error instanceof KvmError ? error.toJSON() : { message: String(error) };
  parentPort?.postMessage({ kind: 'failed', error: plain } satisfies BlockReport);
} finally {
  thread?.close();
}

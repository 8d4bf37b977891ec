import { parentPort } from 'node:worker_threads';
import { EventFd, GuestMemory, KvmError } from '@kvm/core';
import { GuestDma } from '../../memory/guest-dma.js';
import { openRing } from '../open-ring.js';
import type { Ring } from '../queue.js';
import type { VirtioDevice } from '../virtio-device.js';
import type { RemoteOrder, RemoteReport } from './remote-order.js';
import { featuresIn, Hold, placeIn, putPlace, setupIn, Word } from './thread-words.js';

/** Milliseconds. Every change of a word rings the doorbell. */
const forEver = 0x7fff_ffff;

/** What a device in a thread of its own is made with. */
export interface QueueThreadParts {
  readonly memory: GuestMemory;
  /** Whether to leave the rest of a queue alone for now. */
  readonly isInterrupted: () => boolean;
}

/** A device, and what ends what it has started. */
export interface ServedDevice {
  readonly device: VirtioDevice;
  close(): void;
}

/**
 * The thread of a device: it serves the queues, and blocks while a request does, so that no other device waits. The
 * registers belong to the thread of the devices, which passes each activation and reset on by shared words.
 */
class QueueThread {
  readonly #words: Int32Array;
  readonly #memory: GuestMemory;
  readonly #dma: GuestDma;
  readonly #doorbell: EventFd;
  readonly #report: EventFd;
  readonly #served: ServedDevice;
  #current = 0;
  #rings: readonly (Ring | undefined)[] = [];

  constructor({ words, memory, doorbell, report }: RemoteOrder, make: (parts: QueueThreadParts) => ServedDevice) {
    this.#words = words;
    this.#memory = GuestMemory.from(memory);
    this.#dma = new GuestDma(this.#memory);
    this.#doorbell = EventFd.from(doorbell);
    this.#report = EventFd.from(report);
    this.#served = make({
      memory: this.#memory,
      isInterrupted: () =>
        Atomics.load(words, Word.Wanted) !== this.#current ||
        Atomics.load(words, Word.Quit) !== 0 ||
        Atomics.load(words, Word.Hold) !== Hold.None,
    });
  }

  run(): void {
    const words = this.#words;
    const { device } = this.#served;
    device.attach({ configChanged: () => {}, needsReset: () => this.#needsReset(), usedChains: () => {} });
    while (Atomics.load(words, Word.Quit) === 0) {
      const wanted = Atomics.load(words, Word.Wanted);
      if (wanted !== this.#current) this.#activate(wanted);
      for (let queue = 0; queue < device.queueSizes.length; queue++) device.notify(queue);
      if (Atomics.load(words, Word.Hold) !== Hold.None) {
        this.#hold();
        continue;
      }
      if (Atomics.load(words, Word.Wanted) === this.#current) this.#doorbell.wait(forEver);
      this.#doorbell.read();
    }
    this.#served.close();
  }

  close(): void {
    for (const each of [this.#doorbell, this.#report, this.#memory]) each.close();
  }

  /** Stands still, with no request in flight, until it is released. What is left in the queues is looked at then. */
  #hold(): void {
    const words = this.#words;
    for (const [index, ring] of this.#rings.entries()) if (ring !== undefined) putPlace(words, index, ring.save());
    Atomics.store(words, Word.Hold, Hold.Held);
    Atomics.notify(words, Word.Hold);
    while (Atomics.load(words, Word.Hold) === Hold.Held) Atomics.wait(words, Word.Hold, Hold.Held);
  }

  /** No request is in flight here. */
  #activate(wanted: number): void {
    const { device } = this.#served;
    device.reset();
    this.#current = wanted;
    this.#rings = [];
    if (wanted !== 0) {
      const features = featuresIn(this.#words);
      this.#rings = device.queueSizes.map((size, index) => this.#open(index, size, features));
      device.activate(this.#rings, features, []);
    }
    Atomics.store(this.#words, Word.Current, wanted);
    Atomics.notify(this.#words, Word.Current);
  }

  #open(index: number, sizeMax: number, features: bigint): Ring | undefined {
    const setup = setupIn(this.#words, index, sizeMax);
    if (setup === undefined) return undefined;
    const ring = openRing(this.#dma, setup, features, {
      interrupt: () => {
        Atomics.or(this.#words, Word.Interrupts, 1 << index);
        this.#report.write();
      },
      needsReset: () => this.#needsReset(),
    });
    ring?.load(placeIn(this.#words, index));
    return ring;
  }

  #needsReset(): void {
    Atomics.store(this.#words, Word.NeedsReset, 1);
    this.#report.write();
  }
}

/** Serves a device until its machine ends. */
export function serveQueues(order: RemoteOrder, make: (parts: QueueThreadParts) => ServedDevice): void {
  let thread: QueueThread | undefined;
  try {
    thread = new QueueThread(order, make);
    thread.run();
  } catch (error) {
    const plain = error instanceof KvmError ? error.toJSON() : { message: String(error) };
    parentPort?.postMessage({ kind: 'failed', error: plain } satisfies RemoteReport);
  } finally {
    thread?.close();
  }
}

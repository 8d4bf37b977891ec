import type { EventFd } from '@kvm/core';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import type { Ring } from '../queue.js';
import type { QueueSetup } from '../queue-setup.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { Hold, placeIn, putPlace, putSetup, Word } from './thread-words.js';

/** What a driver sees of a device. */
export type RemoteModel = Pick<VirtioDevice, 'name' | 'type' | 'features' | 'queueSizes' | 'config'>;

/** A device as the thread of the devices has it: its registers. A thread of its own has its queues. */
export class RemoteDevice implements VirtioDevice {
  readonly name: string;
  readonly type: number;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly doorbell: EventFd;
  readonly #words: Int32Array;
  #transport: VirtioTransport | undefined;
  #activations = 0;
  /** Where the driver's queues stood when the device's own thread got them, or was held. */
  #rings: readonly (Ring | undefined)[] = [];

  constructor({ name, type, features, queueSizes, config }: RemoteModel, words: Int32Array, doorbell: EventFd) {
    this.name = name;
    this.type = type;
    this.features = features;
    this.queueSizes = queueSizes;
    this.config = config;
    this.doorbell = doorbell;
    this.#words = words;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(queues: readonly (Ring | undefined)[], features: bigint, setups: readonly QueueSetup[]): void {
    this.#rings = queues;
    putSetup(this.#words, setups, features);
    for (const [index, ring] of queues.entries()) if (ring !== undefined) putPlace(this.#words, index, ring.save());
    this.#want(++this.#activations);
  }

  /** The driver may have added chains before the queues were there. */
  notify(): void {
    this.doorbell.write();
  }

  /** Returns when no request is in flight any more: the driver may use its memory for something else then. */
  reset(): void {
    this.#rings = [];
    this.#want(0);
    Atomics.store(this.#words, Word.Interrupts, 0);
    Atomics.store(this.#words, Word.NeedsReset, 0);
  }

  /** The device's own thread has something to say. */
  reported(): void {
    const words = this.#words;
    if (Atomics.exchange(words, Word.NeedsReset, 0) !== 0) this.#transport?.needsReset();
    const interrupts = Atomics.exchange(words, Word.Interrupts, 0);
    for (let queue = 0; queue < this.queueSizes.length; queue++) {
      if ((interrupts & (1 << queue)) !== 0) this.#transport?.usedChains(queue);
    }
  }

  hold(): void {
    const words = this.#words;
    Atomics.store(words, Word.Hold, Hold.Wanted);
    this.doorbell.write();
    this.#waitWhile(Word.Hold, Hold.Wanted);
    for (const [index, ring] of this.#rings.entries()) ring?.load(placeIn(words, index));
  }

  release(): void {
    Atomics.store(this.#words, Word.Hold, Hold.None);
    Atomics.notify(this.#words, Word.Hold);
  }

  save(): DeviceState {
    return { version: 1 };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
  }

  #want(activation: number): void {
    const words = this.#words;
    Atomics.store(words, Word.Wanted, activation);
    this.doorbell.write();
    for (;;) {
      const current = Atomics.load(words, Word.Current);
      if (current === activation || Atomics.load(words, Word.Gone) !== 0) return;
      this.#waitWhile(Word.Current, current);
    }
  }

  /** Waits until the thread changes a word, or has gone. */
  #waitWhile(word: number, value: number): void {
    const words = this.#words;
    while (Atomics.load(words, word) === value && Atomics.load(words, Word.Gone) === 0) {
      Atomics.wait(words, word, value, goneCheck);
    }
  }
}

/** Milliseconds between looks at whether the thread has gone, which changes another word. */
const goneCheck = 100;

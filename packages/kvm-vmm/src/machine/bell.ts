import type { EventFd } from '@kvm/core';
import { Word } from './control.js';

/**
 * The bell of the device thread: what a thread rings after it has put something where the device thread looks. The
 * device thread sleeps on descriptors, so an eventfd wakes it. A bell that rings while it is awake is one shared word.
 */
export class Bell {
  readonly #control: Int32Array;
  readonly #wake: EventFd;

  constructor(control: Int32Array, wake: EventFd) {
    this.#control = control;
    this.#wake = wake;
  }

  ring(): void {
    Atomics.add(this.#control, Word.Bell, 1);
    // Whoever finds it asleep wakes it; one of them is enough.
    if (Atomics.exchange(this.#control, Word.Asleep, 0) !== 0) this.#wake.write();
  }
}

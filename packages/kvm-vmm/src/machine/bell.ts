import type { SharedEventFd } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import { Word } from './control.js';

/** An `EventFd`, or what `wakeOf` returns. */
export interface Wake {
  write(): void;
}

/**
 * The bell of the device thread: what a thread rings after it has put something where the device thread looks. The
 * device thread sleeps on descriptors, so an eventfd wakes it. A bell that rings while it is awake is one shared word.
 */
export class Bell {
  readonly #control: Int32Array;
  readonly #wake: Wake;

  constructor(control: Int32Array, wake: Wake) {
    this.#control = control;
    this.#wake = wake;
  }

  ring(): void {
    Atomics.add(this.#control, Word.Bell, 1);
    // Whoever finds it asleep wakes it; one of them is enough.
    if (Atomics.exchange(this.#control, Word.Asleep, 0) !== 0) this.#wake.write();
  }
}

/**
 * Wakes by the descriptor of the thread that has shared the eventfd, which keeps it open for as long as this thread
 * runs. A descriptor of this thread's own would stay open if its Worker is terminated.
 */
export function wakeOf({ backend: name, fd }: SharedEventFd): Wake {
  const backend = selectBackend(name);
  const one = BigUint64Array.of(1n);
  const address = backend.address(one);
  // The address is valid because this function has the array.
  return { write: () => void backend.write(fd, address, one.byteLength) };
}

import { SavedState } from '@kvm/core';
import { Word } from './control.js';
import { deferred } from './deferred.js';
import type { VcpuMessage } from './order.js';

/** Gets the states of the vCPUs, which stand still in their threads, during one snapshot. */
export class Saving {
  readonly #control: Int32Array;
  readonly #states: (SavedState | undefined)[];
  readonly #whole = deferred<readonly SavedState[]>();
  #order = 0;

  constructor(control: Int32Array, cpus: number) {
    this.#control = control;
    this.#states = Array.from({ length: cpus });
  }

  /** Asks the threads, during a pause. */
  async vcpus(): Promise<readonly SavedState[]> {
    const control = this.#control;
    // Still odd: they stand still.
    this.#order = Atomics.load(control, Word.Pause) + 2;
    Atomics.store(control, Word.SaveVcpus, this.#order);
    Atomics.store(control, Word.Pause, this.#order);
    Atomics.notify(control, Word.Pause);
    return await this.#whole.promise;
  }

  take({ state, saved }: Extract<VcpuMessage, { state: Uint8Array }>, vcpu: number): void {
    if (saved !== this.#order) return;
    this.#states[vcpu] = SavedState.from(state);
    const states = this.#states.filter((each) => each !== undefined);
    if (states.length === this.#states.length) this.#whole.resolve(states);
  }
}

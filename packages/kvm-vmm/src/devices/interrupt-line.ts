import { KvmError } from '@kvm/core';

/**
 * An interrupt line that a device holds high while it wants attention. The device may set the level as often as it
 * likes: only changes reach the interrupt controller.
 *
 *     new InterruptLine((level) => vm.irqLine(4, level))
 */
export class InterruptLine {
  readonly #changed: (level: boolean) => void;
  #level = false;

  /** @param changed called with the new level when it changes. Without it, the line leads nowhere: the guest polls. */
  constructor(changed: (level: boolean) => void = () => {}) {
    if (typeof changed !== 'function') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'an InterruptLine takes a function');
    }
    this.#changed = changed;
  }

  get level(): boolean {
    return this.#level;
  }

  set(level: boolean): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#changed(level);
  }
}

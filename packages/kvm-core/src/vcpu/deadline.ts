import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { optionsOf } from '../struct/options.js';

/** How a vCPU is to run. */
export interface RunOptions {
  /**
   * When the run has to return at the latest: a time as `performance.now()` tells it, in milliseconds. Once it has passed, a run gives
   * the guest what a handler left for it, and returns without a further instruction.
   */
  deadline: number;
}

/** How often the signal of a deadline that has passed is sent again, in milliseconds. */
const again = 1;

/** Longer than any process lives, and short enough for the kernel: 30 years, in milliseconds. */
const longest = 1e12;

export function deadlineOf(options: RunOptions): number {
  const { deadline } = optionsOf(options, 'the options of run', ['deadline']);
  if (typeof deadline !== 'number' || Number.isNaN(deadline)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'deadline must be a time as performance.now() tells it');
  }
  return deadline;
}

/** The timer that ends the runs of a vCPU: made for the first that has a deadline, and gone with the vCPU. */
export class DeadlineTimer {
  readonly #backend: Backend;
  #timer: number | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Interrupts this thread in so many milliseconds, and from then on until `rest`. */
  arm(milliseconds: number): void {
    const backend = this.#backend;
    this.#timer ??= systemCall('making a timer', backend.createTimer(backend.threadId()));
    systemCall('setting a timer', backend.setTimer(this.#timer, Math.min(milliseconds, longest), again));
  }

  /** A signal that is under way arrives before this returns, so that none is left for other calls. */
  rest(): void {
    if (this.#timer !== undefined) this.#backend.setTimer(this.#timer, 0, again);
  }

  close(): void {
    if (this.#timer !== undefined) this.#backend.deleteTimer(this.#timer);
    this.#timer = undefined;
  }
}

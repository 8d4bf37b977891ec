import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { optionsOf } from '../struct/options.js';

/** The options of `vcpu.run`. */
export interface RunOptions {
  /**
   * The latest time for the run to return, in milliseconds, on the clock of `performance.now()`. Once it has passed, a
   * run completes the last exit with the handler's data and returns without executing another instruction.
   */
  deadline: number;
}

/** The interval at which the signal repeats after the deadline, in milliseconds. */
const again = 1;

/** 30 years in milliseconds: longer than a process runs, and within the kernel's limit. */
const longest = 1e12;

export function deadlineOf(options: RunOptions): number {
  const { deadline } = optionsOf(options, 'the options of run', ['deadline']);
  if (typeof deadline !== 'number' || Number.isNaN(deadline)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'deadline must be a number, a time of performance.now()');
  }
  return deadline;
}

/** The timer that ends the runs of a vCPU. The first run with a deadline creates it; it is deleted with the vCPU. */
export class DeadlineTimer {
  readonly #backend: Backend;
  #timer: number | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Interrupts this thread after `milliseconds`, and then repeatedly until `rest`. */
  arm(milliseconds: number): void {
    const backend = this.#backend;
    this.#timer ??= systemCall('creating a timer', backend.createTimer(backend.threadId()));
    systemCall('setting a timer', backend.setTimer(this.#timer, Math.min(milliseconds, longest), again));
  }

  /** Disarms the timer. A pending signal arrives before this returns, so that it cannot interrupt later calls. */
  rest(): void {
    if (this.#timer !== undefined) this.#backend.setTimer(this.#timer, 0, again);
  }

  close(): void {
    if (this.#timer !== undefined) this.#backend.deleteTimer(this.#timer);
    this.#timer = undefined;
  }
}

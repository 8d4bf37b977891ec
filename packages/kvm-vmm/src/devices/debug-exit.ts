import { integer, optionsOf } from '@kvm/core/struct';
import { type AccessSize, allOnes } from '../bus/registers.js';
import { type BusRange, checkVersion, type Device } from './device.js';
import type { Outcome } from './outcome.js';

/** The port of QEMU's `isa-debug-exit` by convention, and that of kvm-cli's machine. */
const debugExitPort = 0xf4;

export interface DebugExitOptions {
  /** 0xf4. */
  port?: number;
}

export interface DebugExitState {
  readonly version: 1;
  readonly status: number | null;
}

/**
 * A port that ends the run: the low byte of what the guest writes there first is its exit status. Reads return all
 * ones.
 */
export class DebugExit implements Device {
  readonly name = 'debug-exit';
  readonly ranges: readonly BusRange[];
  #outcome: Outcome | undefined;

  constructor(options: DebugExitOptions = {}) {
    const { port = debugExitPort } = optionsOf(options, 'the options of a DebugExit', ['port']);
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0xffff, 'port'), length: 1 }];
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  read(_offset: number, size: AccessSize): number {
    return allOnes(size);
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.#outcome ??= { kind: 'exit', status: value & 0xff };
  }

  save(): DebugExitState {
    return { version: 1, status: this.#outcome?.kind === 'exit' ? this.#outcome.status : null };
  }

  load(state: DebugExitState): void {
    const { status } = optionsOf(state, 'the state of debug-exit', ['version', 'status']);
    checkVersion(state, 1, this.name);
    this.#outcome = status === null ? undefined : { kind: 'exit', status: integer(status, 0, 0xff, 'status') };
  }
}

import { KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { type AccessSize, allOnes } from '../bus/registers.js';
import { type BusRange, checkVersion, type Device } from './device.js';
import type { Outcome } from './outcome.js';

/** The port of QEMU's `isa-debug-exit` by convention, and that of kvm-cli's machine. */
const debugExitPort = 0xf4;

export interface DebugExitOptions {
  /** 0xf4. */
  port?: number;
  /**
   * What becomes the exit status: 'raw', the low byte of the value, or 'qemu', the low byte of `(value << 1) | 1`, as
   * with QEMU's `isa-debug-exit`, for guests that were written for it; 'raw'.
   */
  status?: 'raw' | 'qemu';
}

export interface DebugExitState {
  readonly version: 1;
  readonly status: number | null;
}

/**
 * A port that ends the run with the exit status that the guest writes there first. Reads return all ones.
 *
 * With 'raw' it is one port. With 'qemu' it is four: a guest may write 1, 2 or 4 bytes, as the unit tests of KVM do.
 */
export class DebugExit implements Device {
  readonly name = 'debug-exit';
  readonly ranges: readonly BusRange[];
  readonly #isQemu: boolean;
  #outcome: Outcome | undefined;

  constructor(options: DebugExitOptions = {}) {
    const known = ['port', 'status'] as const;
    const { port = debugExitPort, status = 'raw' } = optionsOf(options, 'the options of a DebugExit', known);
    if (status !== 'raw' && status !== 'qemu') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'status of a DebugExit must be "raw" or "qemu"');
    }
    this.#isQemu = status === 'qemu';
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0xffff, 'port'), length: this.#isQemu ? 4 : 1 }];
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  read(_offset: number, size: AccessSize): number {
    return allOnes(size);
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.#outcome ??= { kind: 'exit', status: (this.#isQemu ? (value << 1) | 1 : value) & 0xff };
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

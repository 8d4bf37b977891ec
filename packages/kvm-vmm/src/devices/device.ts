import { KvmError } from '@kvm/core';
import type { Registers } from '../bus/registers.js';
import type { Outcome } from './outcome.js';

/** Where a device answers: I/O ports, or guest-physical addresses that are not memory. */
export type BusRange =
  | { readonly bus: 'pio'; readonly start: number; readonly length: number }
  | { readonly bus: 'mmio'; readonly start: bigint; readonly length: bigint };

/** The state of a device: plain values that JSON carries, of a version that `load` checks. */
export interface DeviceState {
  readonly version: number;
}

/**
 * A device of a machine. All calls come from the one thread that owns it.
 *
 * What it needs it is constructed with: an `InterruptLine`, the guest's memory as a `GuestRam`. What the guest writes
 * is untrusted, and so is a saved state.
 */
export interface Device extends Registers {
  /** Unique within a machine. Saved states and errors use it. */
  readonly name: string;
  /** Where it answers. They do not change. */
  readonly ranges: readonly BusRange[];
  /** Its state, while no vCPU runs. */
  save(): DeviceState;
  /**
   * Takes on a state that `save` of such a device returned, and sets its interrupt line accordingly.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for anything else.
   */
  load(state: DeviceState): void;
  /** For devices that end the run, as a power button does: the outcome, once it has. */
  readonly outcome?: Outcome | undefined;
}

/** Throws unless a state is of a device's present version. Its other fields are for the device to check. */
export function checkVersion(state: DeviceState, version: number, name: string): void {
  if (state?.version !== version) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the state of ${name} must be of version ${version}`);
  }
}

import type { BackendName } from '@kvm/core';
import type { MachineStats, Outcome } from '@kvm/vmm';
import type { Operands, Verdict } from '../demo/challenge.js';

/** The result of the demo's device. */
export interface ChallengeResult extends Operands {
  readonly expected: bigint;
  readonly result: bigint | undefined;
  readonly verdict: Verdict;
}

/** A run that has ended. */
export interface RunRecord extends Omit<MachineStats, 'began'> {
  /** From the start of this process to the first entry into the guest; undefined if there was none. */
  readonly secondsToStart: number | undefined;
  readonly outcome: Outcome;
  readonly backend: BackendName;
  readonly challenge: ChallengeResult | undefined;
}

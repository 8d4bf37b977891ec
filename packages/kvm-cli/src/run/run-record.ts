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
export interface RunRecord extends MachineStats {
  readonly outcome: Outcome;
  readonly backend: BackendName;
  readonly challenge: ChallengeResult | undefined;
}

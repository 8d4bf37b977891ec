import type { BackendName } from '@kvm/core';
import type { Outcome } from '@kvm/vmm';
import type { Verdict } from '../demo/challenge.js';
import type { SharedRing } from './byte-ring.js';

/** What the main thread and the handlers in the vCPU's thread exchange: the types of `vm.start`. */
export interface Exchange {
  data: GuestData;
  message: GuestMessage;
  result: RunRecord;
}

/** The operands of the demo's device. */
export interface Operands {
  readonly a: bigint;
  readonly b: bigint;
}

/** What the handlers start with. */
export interface GuestData {
  readonly backend: BackendName;
  /** For the demo: the operands of its device. */
  readonly challenge: Operands | undefined;
  readonly trace: boolean;
  /** One word; not 0 once the guest is to stop. */
  readonly stop: Int32Array;
  /** One word; not 0 once the guest has read from its serial port, or has waited for input. */
  readonly guestReads: Int32Array;
  readonly serialIn: SharedRing;
  readonly serialOut: SharedRing;
  readonly traceOut: SharedRing;
}

export type GuestMessage =
  /** The guest is about to run. */
  | 'running'
  /** The main thread waits for output, and there is some in `serialOut` or `traceOut`. */
  | 'output'
  /** The main thread waits for room in `serialIn`, and there is some. */
  | 'room';

/** The result of the demo's device. */
export interface ChallengeResult extends Operands {
  readonly expected: bigint;
  readonly result: bigint | undefined;
  readonly verdict: Verdict;
}

/** A run that has ended. */
export interface RunRecord {
  readonly outcome: Outcome;
  readonly backend: BackendName;
  /** Exits by the kernel's names, the most frequent first. */
  readonly exits: Readonly<Record<string, number>>;
  readonly exitCount: number;
  /** Accesses that no device answered. */
  readonly unclaimed: { readonly pio: number; readonly mmio: number };
  /** From the first entry to the last exit. */
  readonly seconds: number;
  readonly challenge: ChallengeResult | undefined;
}

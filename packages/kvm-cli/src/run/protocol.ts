import type { BackendName, KickHandle, KvmErrorCode } from '@kvm/core';
import type { FlatPlan, Outcome, Verdict } from '@kvm/vmm';
import type { SharedRing } from './byte-ring.js';

/** What the main thread and that of the vCPU tell each other. */

/** The two numbers that the demo's device gives to its guest. */
export interface Operands {
  readonly a: bigint;
  readonly b: bigint;
}

/** A guest, and the machine it is to have. */
export interface Task {
  readonly device: string;
  readonly backend: BackendName | undefined;
  readonly memorySize: number;
  readonly image: Uint8Array;
  readonly plan: FlatPlan;
  readonly challenge: Operands | undefined;
  readonly trace: boolean;
}

/** All that the vCPU's thread needs to make the machine and run it: the guest, and what the two threads share. */
export interface VcpuTask extends Task {
  /** One word, not 0 once the guest is to stop. */
  readonly stop: Int32Array;
  /** One word, not 0 once the guest has shown that it reads its serial port. */
  readonly guestReads: Int32Array;
  readonly serialIn: SharedRing;
  readonly serialOut: SharedRing;
  readonly traceOut: SharedRing;
}

/** What the demo's device makes of its guest. */
export interface ChallengeResult extends Operands {
  readonly expected: bigint;
  readonly result: bigint | undefined;
  readonly verdict: Verdict;
}

/** A run that has ended, as the vCPU's thread has seen it. */
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

/** From the vCPU's thread. */
export type VcpuMessage =
  /** The guest is about to run; from here on it takes a kick to stop it. */
  | { readonly kind: 'ready'; readonly handle: KickHandle }
  /** There are bytes in `serialOut` or `traceOut`, and the main thread had asked to be told. */
  | { readonly kind: 'output' }
  /** There is room in `serialIn`, and the main thread had asked to be told. */
  | { readonly kind: 'room' }
  | { readonly kind: 'done'; readonly record: RunRecord }
  | { readonly kind: 'failed'; readonly code: KvmErrorCode | undefined; readonly message: string };

import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/**
 * The owner of a descriptor that threads pass on: one word of shared memory, which is in the handle and in its copies.
 * Each claim has its own word, and a closed claim stays closed. So a stale handle is detected even if its descriptor
 * number has been reused.
 */
export type Claim = Int32Array;

/** The states of a claim. */
export const State = {
  /** The descriptor is closed, or was passed on with another claim. */
  Closed: 0,
  /** A thread owns the descriptor. */
  Owned: 1,
  /** The handle owns the descriptor until a thread takes it. */
  Offered: 2,
} as const;
type State = (typeof State)[keyof typeof State];

export function newClaim(state: State): Claim {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(state);
}

export function claimIs(claim: Claim, state: State): boolean {
  return Atomics.load(claim, 0) === state;
}

/** Changes the state; returns false if it was not `from`. If several threads try, exactly one succeeds. */
export function changeClaim(claim: Claim, from: State, to: State): boolean {
  return Atomics.compareExchange(claim, 0, from, to) === from;
}

/** Must be called before the descriptor is closed. */
export function endClaim(claim: Claim): void {
  Atomics.store(claim, 0, State.Closed);
}

/** Whether a member of a handle is `count` words of shared memory. After JSON or in another process it is not. */
export function isSharedWords(value: unknown, count: number): value is Int32Array {
  return types.isInt32Array(value) && value.length === count && types.isSharedArrayBuffer(value.buffer);
}

/** Whether members of a handle, such as a descriptor, an address or a length, are non-negative integers. */
export function areCounts(...values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
}

export function notAHandle(source: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `this is not a result of ${source} in this process`, {
    hint: 'send the whole handle with postMessage, to a thread of this process',
  });
}

import { types } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';

/**
 * Who owns a descriptor that threads pass on: one word of shared memory, which travels in the handle and in its copies.
 * Each claim has a word of its own, and a closed one stays closed: a stale handle is recognised even where its
 * descriptor's number has been reused.
 */
export type Claim = Int32Array;

/** The states of a claim. */
export const State = {
  /** The descriptor is closed, or has gone on with another claim. */
  Closed: 0,
  /** A thread owns the descriptor. */
  Owned: 1,
  /** The handle owns the descriptor, until a thread takes it. */
  Offered: 2,
} as const;
type State = (typeof State)[keyof typeof State];

export function newClaim(state: State): Claim {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(state);
}

export function claimIs(claim: Claim, state: State): boolean {
  return Atomics.load(claim, 0) === state;
}

/** Changes the state; false if it was not `from`. Of several threads that try, one succeeds. */
export function changeClaim(claim: Claim, from: State, to: State): boolean {
  return Atomics.compareExchange(claim, 0, from, to) === from;
}

/** Must come before the descriptor is closed. */
export function endClaim(claim: Claim): void {
  Atomics.store(claim, 0, State.Closed);
}

/** Whether a member of a handle is so many words of shared memory. After JSON or in another process it is not. */
export function isSharedWords(value: unknown, count: number): value is Int32Array {
  return types.isInt32Array(value) && value.length === count && types.isSharedArrayBuffer(value.buffer);
}

/** Whether the members of a handle that are a descriptor, an address, a length and so on are numbers. */
export function areCounts(...values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
}

export function notAHandle(source: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `this is not what ${source} of this process gave`, {
    hint: 'send a handle whole, with postMessage, to another thread of this process',
  });
}

import { readlinkSync } from 'node:fs';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';

/**
 * What the threads that pass an object on know of it together: numbers in shared memory, the first of which is where that memory lies.
 * It is the same for every thread of the process, so a copy of the bytes, or bytes from elsewhere, are told from these.
 */

const ADDRESS = 0;
const STATE = 1;
const FIRST = 2;

/** What may be done with what the words are about. */
export const State = {
  /** Nothing: it is gone. */
  Gone: 0,
  /** It is somebody's. */
  Owned: 1,
  /** It is on its way, and nobody's. */
  Offered: 2,
} as const;

export function makeWords(backend: Backend, state: number, values: readonly number[]): BigInt64Array {
  const words = new BigInt64Array(new SharedArrayBuffer((FIRST + values.length) * BigInt64Array.BYTES_PER_ELEMENT));
  words[ADDRESS] = BigInt(backend.address(words));
  words.set(values.map(BigInt), FIRST);
  Atomics.store(words, STATE, BigInt(state));
  return words;
}

/** The values in words that came from another thread, if that is what they are. */
export function valuesOf(backend: Backend, words: unknown, count: number): number[] | undefined {
  const whole =
    words instanceof BigInt64Array &&
    words.buffer instanceof SharedArrayBuffer &&
    words.length === FIRST + count &&
    words[ADDRESS] === BigInt(backend.address(words));
  return whole ? Array.from(words.subarray(FIRST), Number) : undefined;
}

export function stateOf(words: BigInt64Array): number {
  return Number(Atomics.load(words, STATE));
}

/** Before a descriptor goes: from now on nobody takes its number for that of what was shared. */
export function unshare(words: BigInt64Array): void {
  Atomics.store(words, STATE, BigInt(State.Gone));
}

/** From one state to another; false if it was in neither. Of two threads that try, one has it. */
export function changeState(words: BigInt64Array, from: number, to: number): boolean {
  return Atomics.compareExchange(words, STATE, BigInt(from), BigInt(to)) === BigInt(from);
}

/** Whether a descriptor is what the kernel calls by this name. */
export function isCalled(fd: number, name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(name);
  } catch {
    return false;
  }
}

export function notShared(what: string, hint?: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `this is not what ${what} of this process gave`, { hint });
}

import { expect } from 'vitest';
import type { Struct } from '../src/index.js';
import type { Machine } from './machine.js';

/** A call that reads a state, and one that sets it. */
interface Pair<T extends Struct> {
  get(guest: Machine): T;
  /** Changed values for as many members as possible. */
  change(state: T): void;
  set(guest: Machine, state: T): void;
}

/** Sets a changed state and checks that every member reads back. */
export function expectRoundTrip<T extends Struct>(guest: Machine, { get, change, set }: Pair<T>): void {
  const before = get(guest);
  const wanted = get(guest);
  change(wanted);
  expect(wanted.toJSON()).not.toEqual(before.toJSON());
  set(guest, wanted);
  expect(get(guest).toJSON()).toEqual(wanted.toJSON());
  // Restores the original.
  set(guest, before);
  expect(get(guest).toJSON()).toEqual(before.toJSON());
}

import type { BackendName } from '@kvm/core';
import { InvalidArgumentError } from 'commander';

/** Parsers of command line arguments. Each accepts the whole text or throws an error that says what is valid. */

/** The limit of Node's timers: more than 24 days. */
const maxSeconds = Math.floor((2 ** 31 - 1) / 1000);

/** Seconds, with an optional fraction. */
export function parseSeconds(text: string): number {
  const seconds = /^([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= maxSeconds)) {
    throw new InvalidArgumentError(`A time is a number of seconds, more than 0 and at most ${maxSeconds}: 10, 0.5.`);
  }
  return seconds;
}

/** A path. An empty one is refused: it is usually an unset variable of a script. */
export function parsePath(text: string): string {
  if (text === '') throw new InvalidArgumentError('A path must not be empty.');
  return text;
}

/** The names of @kvm/core's type, so that help does not load it. The compiler checks that they are complete. */
export const backendNames = Object.keys({ native: true, ffi: true } satisfies Record<BackendName, true>);

export function parseBackend(text: string): BackendName {
  const choice = backendNames.find((each) => each === text);
  if (choice === undefined) throw new InvalidArgumentError(`The choices are ${backendNames.join(', ')}.`);
  return choice as BackendName;
}

import type { BackendName } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { InvalidArgumentError } from 'commander';

/** Parsers of command line arguments. Each accepts the whole text or throws an error that says what is valid. */

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes, with an optional unit: 65536, 0x10000, 64K, 16M, 1G. */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(0x[0-9a-f]+|[0-9]+)([KMGT]?)$/i.exec(text) ?? [];
  const factor = units[unit?.toUpperCase() ?? ''];
  const size = Number(digits) * (factor ?? Number.NaN);
  if (digits === undefined || !Number.isSafeInteger(size)) {
    throw new InvalidArgumentError('A size is a number of bytes with an optional unit: 65536, 64K, 16M, 1G.');
  }
  return size;
}

/** A guest-physical address, hexadecimal with 0x or decimal. */
export function parseAddress(text: string): bigint {
  const address = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? BigInt(text) : undefined;
  if (address === undefined || address >= 2n ** 64n) {
    throw new InvalidArgumentError(
      'An address is a number of up to 64 bits, hexadecimal with 0x or decimal: 0x1000, 4096.',
    );
  }
  return address;
}

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

/** A number of processors. How many are possible depends on the host. */
export function parseCpus(text: string): number {
  const cpus = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (cpus === 0) throw new InvalidArgumentError('A number of processors is 1 or more.');
  return cpus;
}

/** A path. An empty one is refused: it is usually an unset variable of a script. */
export function parsePath(text: string): string {
  if (text === '') throw new InvalidArgumentError('A path must not be empty.');
  return text;
}

/** The names of @kvm/core's types, so that help does not load it. The compiler checks that they are complete. */
export const modes = namesOf<Mode>({ real: true, protected: true, long: true });
export const backendNames = namesOf<BackendName>({ native: true, ffi: true });

function namesOf<N extends string>(names: Record<N, true>): readonly N[] {
  return Object.keys(names) as N[];
}

export function parseMode(text: string): Mode {
  return oneOf(text, modes);
}

export function parseBackend(text: string): BackendName {
  return oneOf(text, backendNames);
}

function oneOf<T extends string>(text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw new InvalidArgumentError(`The choices are ${choices.join(', ')}.`);
  return choice;
}

import { accessSync, constants } from 'node:fs';
import { describe } from 'vitest';
import type { BackendName } from '../src/backend/backend.js';
import { backendNames, tryBackend } from '../src/backend/select.js';

/** Why tests that need KVM cannot run here, or undefined. */
export const noKvm: string | undefined = ((): string | undefined => {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `/dev/kvm cannot be used here: ${(error as Error).message}`;
  }
})();

/** Why a backend cannot be tested here with x86's API, or undefined. */
export function whyNot(name: BackendName): string | undefined {
  return elsewhere(['x64']) ?? whyNotOnAny(name);
}

/** Why tests for some architectures, by Node's names, cannot run on this one. */
function elsewhere(machines: readonly string[]): string | undefined {
  return machines.includes(process.arch) ? undefined : `it is about ${machines.join(', ')}`;
}

/** Why a backend cannot be tested here, whatever machine this is, or undefined. */
export function whyNotOnAny(name: BackendName): string | undefined {
  return noKvm ?? whyNotLoaded(name);
}

/** Why a backend does not load here, or undefined. */
function whyNotLoaded(name: BackendName): string | undefined {
  const attempt = tryBackend(name);
  return 'error' in attempt ? attempt.error.message : undefined;
}

/** Tests that are skipped if there is a reason, which is printed. */
export function describeUnless(reason: string | undefined, title: string, tests: () => void): void {
  if (reason !== undefined) process.stdout.write(`${title}: skipped, ${reason}\n`);
  describe.skipIf(reason !== undefined)(title, tests);
}

/**
 * Runs the same tests for every backend. If a backend cannot load or there is no KVM, they are skipped and the reason
 * is printed. Skipped tests are still collected, so whatever needs the backend belongs into a test or a `beforeAll`.
 *
 * @param machines The architectures of the tests, by Node's names: x64 by default, or those of `test/machine.ts`, which
 * have guests.
 */
export function onEachBackend(
  claims: string,
  tests: (backend: BackendName) => void,
  machines: readonly string[] = ['x64'],
): void {
  for (const name of backendNames) {
    describeUnless(elsewhere(machines) ?? whyNotOnAny(name), `${claims} (${name})`, () => tests(name));
  }
}

/** As `onEachBackend`, for tests that need no KVM. They run on every machine where the backend loads. */
export function onEachLoadedBackend(claims: string, tests: (backend: BackendName) => void): void {
  for (const name of backendNames) describeUnless(whyNotLoaded(name), `${claims} (${name})`, () => tests(name));
}

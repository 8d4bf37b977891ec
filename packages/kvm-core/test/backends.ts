import { accessSync, constants } from 'node:fs';
import { describe, test } from 'vitest';
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

const missing = new Map<BackendName, string>();
for (const name of backendNames) {
  const attempt = tryBackend(name);
  if ('error' in attempt) missing.set(name, attempt.error.message);
}

/** Runs the same tests for every backend; where one cannot load, or there is no KVM, they are skipped with the reason. */
export function onEachBackend(claims: string, tests: (backend: BackendName) => void): void {
  for (const name of backendNames) {
    const reason = noKvm ?? missing.get(name);
    if (reason === undefined) {
      describe(`${claims} (${name})`, () => tests(name));
    } else {
      process.stdout.write(`${claims} (${name}): skipped, ${reason}\n`);
      describe.skip(`${claims} (${name})`, () => test(`skipped: ${reason}`, () => {}));
    }
  }
}

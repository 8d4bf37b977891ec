import { MagicGenError } from '../src/errors.js';
import { findHeaders, type HeaderSet } from '../src/headers/find.js';
import { findTarget } from '../src/targets/index.js';
import { findCompiler } from '../src/verify/compiler.js';

export const x86 = findTarget('x86');

function attempt<T>(make: () => T): { value: T } | { reason: string } {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof MagicGenError) return { reason: error.message };
    throw error;
  }
}

const compiler = attempt(() => findCompiler(x86.target));
const headers = attempt(() => findHeaders({ target: x86 }));

/** Why tests that ask a compiler are skipped on this host; undefined where they are not. */
export const noCompiler = 'reason' in compiler ? compiler.reason : undefined;

/** Why tests on the running system's headers are skipped on this host. */
export const noHeaders = 'reason' in headers ? headers.reason : undefined;

/** The running system's headers; only in tests that `noHeaders` does not skip. */
export function systemHeaders(): HeaderSet {
  if ('reason' in headers) throw new Error(headers.reason);
  return headers.value;
}

import { expect } from 'vitest';
import { KvmError, type KvmErrorCode } from '../src/errors/kvm-error.js';

/** The KvmError that a call throws, with this code; anything else fails the test. */
export function kvmError(code: KvmErrorCode, call: () => unknown): KvmError {
  try {
    call();
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    expect(error.code, error.message).toBe(code);
    return error;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

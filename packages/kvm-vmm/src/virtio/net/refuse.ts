import { KvmError } from '@kvm/core';

/** The error for a network that cannot be used, and what to do about it. */
export function refuse(message: string, hint?: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, hint === undefined ? {} : { hint });
}

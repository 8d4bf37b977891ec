import { KvmError } from '@kvm/core';

/** The error for an image that cannot be booted as it is. */
export function badImage(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}

/** The error for something that does not fit: into the guest's memory, or into a limit of the kernel. */
export function doesNotFit(message: string): KvmError {
  return new KvmError('ERR_KVM_OUT_OF_RANGE', message);
}

export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

import { KvmError } from '@kvm/core';

/** Refuses what a bus could not give an access to. */
export function checkDevice(device: unknown): void {
  const { read, write } = (device ?? {}) as { read?: unknown; write?: unknown };
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a device must have the methods read and write');
  }
}

import { GuestMemory } from '@kvm/core';
import { backendNames, tryBackend } from '../../kvm-core/src/backend/select.js';

/** Guest memory without KVM: zeroed, in windows of this size. */
export function ram(size: number, windowSize: number = size): GuestMemory {
  const backend = backendNames.find((name) => !('error' in tryBackend(name)));
  if (backend === undefined) throw new Error('no backend loads here');
  const windows = Array.from({ length: Math.ceil(size / windowSize) }, (_, i) => {
    return new Uint8Array(new SharedArrayBuffer(Math.min(windowSize, size - i * windowSize)));
  });
  return GuestMemory.from({ size, windowSize, windows, backing: 'anonymous', backend });
}

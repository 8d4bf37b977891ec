import { types } from 'node:util';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from '../struct/check.js';
import { type Backing, backings } from './windows.js';

const { isSharedArrayBuffer, isUint8Array } = types;

/**
 * A `GuestMemory` as plain data for `postMessage`. `GuestMemory.from` turns it into one of the same pages in a Worker.
 */
export interface SharedGuestMemory {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  /** Where the pages come from. */
  readonly backing: Backing;
  /** The backend that it was allocated with. It loads in the other thread, too. */
  readonly backend: BackendName;
}

/** The parts of such a record. */
export function openMemory(shared: SharedGuestMemory): Omit<SharedGuestMemory, 'backend'> & { backend: Backend } {
  const { size, windowSize, windows, backing, backend } = objectOf(shared, 'the result of memory.share()');
  const isWhole =
    backendNames.includes(backend) &&
    typeof windowSize === 'number' &&
    backings.includes(backing) &&
    size > 0 &&
    Array.isArray(windows) &&
    windows.length === Math.ceil(size / windowSize) &&
    windows.every(
      (window, i) =>
        isUint8Array(window) &&
        isSharedArrayBuffer(window.buffer) &&
        window.length === Math.min(windowSize, size - i * windowSize),
    );
  if (!isWhole) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not a result of memory.share()', {
      hint: 'send the whole handle with postMessage, to a thread of this process',
    });
  }
  return { size, windowSize, windows, backing, backend: selectBackend(backend) };
}

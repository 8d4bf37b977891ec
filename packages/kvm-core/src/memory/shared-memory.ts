import { types } from 'node:util';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from '../struct/check.js';
import { bufferOf, bytesOf } from '../struct/view.js';

const { isSharedArrayBuffer, isUint8Array } = types;

/** A `GuestMemory` as `postMessage` carries it: `GuestMemory.from` makes one of it in another Worker, of the same pages. */
export interface SharedGuestMemory {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  /** The backend it was made with, which loads in the other thread because it loaded in this one. */
  readonly backend: BackendName;
}

/** More windows than the memory of any machine has. */
const mostWindows = 2 ** 16;

/** What such a record says, each part of it read once, with views that nobody else has. */
export function openMemory(shared: SharedGuestMemory): Omit<SharedGuestMemory, 'backend'> & { backend: Backend } {
  const {
    size,
    windowSize,
    windows: said,
    backend,
  } = objectOf(shared, 'what memory.share gave') as Partial<SharedGuestMemory>;
  const windows = windowsIn(said);
  const total = windows.reduce((sum, { length }) => sum + length, 0);
  const last = windows.at(-1);
  const fits =
    last !== undefined &&
    typeof windowSize === 'number' &&
    windows.every((window) => window.length === windowSize || (window === last && window.length < windowSize)) &&
    total > 0 &&
    total === size &&
    backendNames.includes(backend as BackendName);
  if (!fits) throw notShared();
  return { size, windowSize, windows, backend: selectBackend(backend) };
}

function windowsIn(said: unknown): Uint8Array[] {
  if (!Array.isArray(said)) throw notShared();
  const { length } = said;
  // Somebody's Proxy of an array may say anything.
  if (!Number.isSafeInteger(length) || length > mostWindows) throw notShared();
  return Array.from({ length }, (_, i) => {
    const window: unknown = said[i];
    if (!isUint8Array(window) || !isSharedArrayBuffer(bufferOf(window))) throw notShared();
    return bytesOf(window);
  });
}

function notShared(): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not what GuestMemory.share gave');
}

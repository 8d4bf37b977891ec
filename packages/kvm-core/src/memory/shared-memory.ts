import { types } from 'node:util';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from '../struct/check.js';
import { bufferOf, bytesOf } from '../struct/view.js';

const { isSharedArrayBuffer, isUint8Array } = types;

/**
 * A `GuestMemory` as plain data for `postMessage`. `GuestMemory.from` turns it into one of the same pages in a Worker.
 */
export interface SharedGuestMemory {
  readonly size: number;
  readonly windowSize: number;
  readonly windows: readonly Uint8Array[];
  /** The backend that it was allocated with. It loads in the other thread, too. */
  readonly backend: BackendName;
}

/** More windows than any machine's memory needs. */
const mostWindows = 2 ** 16;

/** Checks such a record, reading each property once, and returns it with its own views. */
export function openMemory(shared: SharedGuestMemory): Omit<SharedGuestMemory, 'backend'> & { backend: Backend } {
  const {
    size,
    windowSize,
    windows: list,
    backend,
  } = objectOf(shared, 'the result of memory.share()') as Partial<SharedGuestMemory>;
  const windows = windowsIn(list);
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

function windowsIn(list: unknown): Uint8Array[] {
  if (!Array.isArray(list)) throw notShared();
  const { length } = list;
  // The length of a Proxy of an array may be any value.
  if (!Number.isSafeInteger(length) || length > mostWindows) throw notShared();
  return Array.from({ length }, (_, i) => {
    const window: unknown = list[i];
    if (!isUint8Array(window) || !isSharedArrayBuffer(bufferOf(window))) throw notShared();
    return bytesOf(window);
  });
}

function notShared(): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is not the result of memory.share()');
}

import { KvmError } from '../errors/kvm-error.js';
import type { Backend, BackendName } from './backend.js';
import { loadFfi } from './ffi.js';
import { loadNative } from './native.js';

/** In order of preference. */
export const backendNames: readonly BackendName[] = ['native', 'ffi'];

const loaders: Readonly<Record<BackendName, () => Backend>> = { native: loadNative, ffi: loadFfi };
const loaded = new Map<BackendName, Backend>();

/** What became of an attempt to load a backend. */
export type BackendAttempt =
  | { readonly name: BackendName; readonly backend: Backend }
  | { readonly name: BackendName; readonly error: Error };

/** Loads a backend, or says why it cannot be. Loaded once a thread. */
export function tryBackend(name: BackendName): BackendAttempt {
  const known = loaded.get(name);
  if (known !== undefined) return { name, backend: known };
  try {
    const backend = loaders[name]();
    loaded.set(name, backend);
    return { name, backend };
  } catch (error) {
    return { name, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * The backend to use: the one asked for, else the one `KVM_BACKEND` names, else native where its binary loads, else ffi.
 *
 * @throws KvmError `ERR_KVM_BACKEND` when the one asked for, or every one, does not load.
 */
export function selectBackend(wanted: string | undefined = process.env['KVM_BACKEND'] || undefined): Backend {
  if (wanted !== undefined && !(backendNames as readonly string[]).includes(wanted)) {
    throw new KvmError('ERR_KVM_BACKEND', `there is no backend ${JSON.stringify(wanted)}`, {
      hint: `the backends are ${backendNames.join(' and ')}`,
    });
  }
  const reasons: string[] = [];
  for (const name of wanted === undefined ? backendNames : [wanted as BackendName]) {
    const attempt = tryBackend(name);
    // koffi is not even read where the addon serves.
    if ('backend' in attempt) return attempt.backend;
    reasons.push(`${name}: ${firstLine(attempt.error)}`);
  }
  throw new KvmError('ERR_KVM_BACKEND', `no backend loads: ${reasons.join('; ')}`, {
    hint: 'reinstall @kvm/core with its dependencies; koffi serves without a compiler',
  });
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0] ?? error.message;
}

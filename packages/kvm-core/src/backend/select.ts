import { inspect } from 'node:util';
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
  | { readonly name: BackendName; readonly version: string }
  | { readonly name: BackendName; readonly error: Error };

/** Whether a backend loads here, and if not, why. */
export function tryBackend(name: BackendName): BackendAttempt {
  const result = loadBackend(checked(name));
  return result instanceof Error ? { name, error: result } : { name, version: result.version };
}

/** A backend, loaded once a thread, or what stands in its way. */
export function loadBackend(name: BackendName): Backend | Error {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  try {
    const backend = loaders[name]();
    loaded.set(name, backend);
    return backend;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function checked(name: string): BackendName {
  if ((backendNames as readonly string[]).includes(name)) return name as BackendName;
  const shown = typeof name === 'string' ? JSON.stringify(name) : inspect(name, { depth: 0 });
  throw new KvmError('ERR_KVM_BACKEND', `there is no backend ${shown}`, {
    hint: `the backends are ${backendNames.join(' and ')}`,
  });
}

/**
 * The backend to use: the one asked for, else the one `KVM_BACKEND` names, else native where its binary loads, else ffi.
 *
 * @throws KvmError `ERR_KVM_BACKEND` when the one asked for, or every one, does not load.
 */
export function selectBackend(wanted: string | undefined = process.env['KVM_BACKEND'] || undefined): Backend {
  const reasons: string[] = [];
  let disabled = false;
  for (const name of wanted === undefined ? backendNames : [checked(wanted)]) {
    const result = loadBackend(name);
    // koffi is not even read where the addon serves.
    if (!(result instanceof Error)) return result;
    disabled ||= isDisabled(result);
    reasons.push(`${name}: ${firstLine(result)}`);
  }
  throw new KvmError('ERR_KVM_BACKEND', `no backend loads: ${reasons.join('; ')}`, {
    hint: disabled
      ? 'this process may not load addons: with --permission it needs --allow-addons, and it must not be started with --no-addons'
      : 'reinstall @kvm/core with its dependencies; koffi serves without a compiler',
  });
}

/** Whether Node was told to load no addons. koffi says so in its words, with the cause in them or behind. */
function isDisabled(error: Error): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ((at as { code?: unknown }).code === 'ERR_DLOPEN_DISABLED' || /loading addons is disabled/.test(at.message))
      return true;
  }
  return false;
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0] ?? error.message;
}

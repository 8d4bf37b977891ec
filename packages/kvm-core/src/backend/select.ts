import { debuglog, inspect } from 'node:util';
import { KvmError } from '../errors/kvm-error.js';
import type { Backend, BackendName } from './backend.js';
import { loadFfi } from './ffi.js';
import { loadNative } from './native.js';

/** In order of preference. */
export const backendNames: readonly BackendName[] = ['native', 'ffi'];

const loaders: Readonly<Record<BackendName, () => Backend>> = { native: loadNative, ffi: loadFfi };
const loaded = new Map<BackendName, Backend>();

/** The result of an attempt to load a backend. */
export type BackendAttempt =
  | { readonly name: BackendName; readonly version: string }
  | { readonly name: BackendName; readonly error: Error };

/** Whether a backend loads on this host, and if not, why. */
export function tryBackend(name: BackendName): BackendAttempt {
  const result = loadBackend(checked(name));
  return result instanceof Error ? { name, error: result } : { name, version: result.version };
}

/** The backend, loaded once per thread, or the error that prevents it. */
export function loadBackend(name: BackendName): Backend | Error {
  const cached = loaded.get(name);
  if (cached !== undefined) return cached;
  try {
    const backend = loaders[name]();
    loaded.set(name, backend);
    return backend;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function checked(name: string, origin = ''): BackendName {
  if ((backendNames as readonly string[]).includes(name)) return name as BackendName;
  const shown = typeof name === 'string' ? JSON.stringify(name) : inspect(name, { depth: 0 });
  throw new KvmError('ERR_KVM_BACKEND', `${origin}there is no backend ${shown}`, {
    hint: `the backends are ${backendNames.join(' and ')}`,
  });
}

/** The backend that `Kvm.open` uses if its options name none, and the reason. */
export interface BackendChoice {
  readonly name: BackendName;
  /** "native does not load: ...", for people. */
  readonly why: string;
}

/**
 * The backend that `Kvm.open` uses if its options name none, and the reason.
 *
 * @throws KvmError `ERR_KVM_BACKEND` if none loads, or the one that `KVM_BACKEND` names does not.
 */
export function defaultBackend(): BackendChoice {
  const { backend, why } = choose(undefined);
  return { name: backend.name, why };
}

/**
 * The backend to use: the requested one, else the one that `KVM_BACKEND` names, else native if its binary loads, else
 * ffi.
 *
 * @throws KvmError `ERR_KVM_BACKEND` if the requested backend does not load, or none does.
 */
export function selectBackend(wanted?: string): Backend {
  return choose(wanted).backend;
}

/** As `selectBackend`. With `NODE_DEBUG=kvm` it says on stderr which backend it is, and why. */
export function announceBackend(wanted?: string): Backend {
  const { backend, why } = choose(wanted);
  const { name, version } = backend;
  debuglog('kvm')('Kvm.open uses the backend %s (%s): %s', name, version, why);
  return backend;
}

function choose(requested: string | undefined): { backend: Backend; why: string } {
  const variable = requested === undefined ? process.env['KVM_BACKEND'] || undefined : undefined;
  const wanted = requested ?? variable;
  const reasons: string[] = [];
  let disabled = false;
  for (const name of wanted === undefined ? backendNames : [checked(wanted, variable && 'KVM_BACKEND: ')]) {
    const result = loadBackend(name);
    // Returning here keeps koffi unloaded when the addon works.
    if (!(result instanceof Error)) {
      const how = variable === undefined ? 'requested by the program' : 'set by KVM_BACKEND';
      const why = wanted === undefined ? (reasons[0] ?? 'the faster one that loads') : how;
      return { backend: result, why };
    }
    // An addon of another version is a mistake to mend, not a reason for a slower backend.
    if (result instanceof KvmError) throw result;
    disabled ||= isDisabled(result);
    reasons.push(`${name} does not load: ${firstLine(result)}`);
  }
  throw new KvmError('ERR_KVM_BACKEND', reasons.join('; '), {
    hint: disabled
      ? 'this process may not load addons: add --allow-addons to --permission, and do not use --no-addons'
      : 'reinstall @kvm/core with its dependencies; koffi needs no compiler. ' +
        'A bundle contains no backend: install @kvm/native where it runs',
  });
}

/** Whether Node was started without addons. koffi wraps Node's error, in its message or as the cause. */
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

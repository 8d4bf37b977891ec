import { KvmError } from '../errors/kvm-error.js';
import type { Backend } from './backend.js';
import { requireInstalled } from './installed.js';

/** The functions of a backend. The compiler checks that they are complete. */
const functions: Readonly<Record<Exclude<keyof Backend, 'name' | 'version'>, true>> = {
  open: true,
  close: true,
  ioctl: true,
  address: true,
  map: true,
  mapOver: true,
  blank: true,
  unmap: true,
  discard: true,
  remove: true,
  punchHole: true,
  zeroRange: true,
  lock: true,
  memoryFile: true,
  hugePages: true,
  view: true,
  eventfd: true,
  duplicate: true,
  read: true,
  pread: true,
  write: true,
  poll: true,
  epollCreate: true,
  epollControl: true,
  epollWait: true,
  syscall: true,
  threadId: true,
  interrupt: true,
  createTimer: true,
  setTimer: true,
  deleteTimer: true,
};

/**
 * The addon of `@kvm/native` implements the interface directly, without a wrapper.
 *
 * @throws KvmError `ERR_KVM_BACKEND` if it is the addon of another version of this package; Error if it does not load.
 */
export function loadNative(): Backend {
  const native = requireInstalled()('@kvm/native') as { load(): Partial<Backend> };
  const backend = native.load();
  const missing = Object.keys(functions).filter((name) => typeof backend[name as keyof Backend] !== 'function');
  if (missing.length === 0) return backend as Backend;
  throw new KvmError(
    'ERR_KVM_BACKEND',
    `${backend.version ?? '@kvm/native'} is not the addon of this @kvm/core: it lacks ${missing.join(', ')}`,
    { hint: 'install @kvm/core and @kvm/native in the same version' },
  );
}

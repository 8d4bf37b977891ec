import { createRequire } from 'node:module';
import type { Backend } from './backend.js';

/** The addon of `@kvm/native` implements the interface directly, without a wrapper. */
export function loadNative(): Backend {
  const native = createRequire(import.meta.url)('@kvm/native') as { load(): unknown };
  return native.load() as Backend;
}

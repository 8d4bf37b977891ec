/**
 * `@kvm/core/backend`: system calls that Node lacks, for packages that build on this one. The functions take numbers
 * and check nothing: see `Backend`.
 */
export type { Backend, BackendName } from './backend.js';
export { selectBackend } from './select.js';

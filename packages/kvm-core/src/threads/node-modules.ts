/**
 * Modules of Node that most programs never need, loaded on first use. Together they take as long to load, and half as
 * much memory, as all other modules of Node that the package imports.
 */

/** Hashes and random numbers, for handles sent to other threads. */
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

/** Workers, for `vm.start`. */
export function nodeWorkerThreads(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}

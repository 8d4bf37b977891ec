/**
 * Parts of Node that most programs never need, loaded when they are first: together they would take a program as long to load, and half as
 * much memory, as all the rest of what the package imports of Node.
 */

/** Hashes and random numbers: for handles that go to other threads. */
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

/** Workers: for `vm.start`. */
export function nodeWorkerThreads(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}

import { constants } from 'node:os';

const { EINTR } = constants.errno;

/** How often a call that a signal has cut short is made again, before it fails. */
export const retries = 10;

/** Before the second retry, in milliseconds; twice as long before each one after it: 51 ms in all. */
const firstPause = 0.1;

let never: Int32Array | undefined;

/**
 * A system call that a signal has cut short, made again: a kick that comes late must not fail it. Not for ever: signals that come
 * faster than the call is done would keep the thread.
 */
export function retried(call: () => number): number {
  let result = call();
  for (let made = 1; result === -EINTR && made < retries; made++) {
    never ??= new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(never, 0, 0, firstPause * 2 ** (made - 1));
    result = call();
  }
  return result;
}

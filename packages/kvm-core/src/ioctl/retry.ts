import { constants } from 'node:os';

const { EINTR } = constants.errno;

/** The number of retries of an interrupted call before it fails. */
export const retries = 10;

/** The pause before the second retry, in milliseconds. It doubles before each further retry: 51 ms in total. */
const firstPause = 0.1;

let never: Int32Array | undefined;

/**
 * Retries a system call that a signal interrupted, so that a late kick does not make it fail. The number of retries is
 * limited: signals that arrive faster than the call completes would block the thread.
 */
export function retried(call: () => number): number {
  let result = call();
  for (let retry = 1; result === -EINTR && retry < retries; retry++) {
    never ??= new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(never, 0, 0, firstPause * 2 ** (retry - 1));
    result = call();
  }
  return result;
}

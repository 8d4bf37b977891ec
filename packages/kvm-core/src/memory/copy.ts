/** Engines copy shared memory byte by byte unless source and target have the same alignment to words. */
const word = 8;

/** The bytes of one step of such a copy; shorter copies are direct. */
export const chunk = 2 ** 16;

/**
 * Copies bytes between shared and unshared memory at the speed of memcpy, for every alignment. Long copies whose ends
 * are aligned differently use an intermediate buffer that is small enough to stay in the cache.
 *
 * @param to at least as long as `from`.
 */
export function copyBytes(to: Uint8Array, from: Uint8Array): void {
  const shared = isShared(to) ? to : from;
  if ((to.byteOffset - from.byteOffset) % word === 0 || from.length < chunk || !isShared(shared)) {
    to.set(from);
    return;
  }
  const middle = new Uint8Array(new ArrayBuffer(chunk + word), shared.byteOffset % word, chunk);
  for (let done = 0; done < from.length; done += chunk) {
    const length = Math.min(chunk, from.length - done);
    const part = middle.subarray(0, length);
    part.set(from.subarray(done, done + length));
    to.set(part, done);
  }
}

function isShared({ buffer }: Uint8Array): boolean {
  return buffer instanceof SharedArrayBuffer;
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyBytes } from './copy.js';

const most = 200_000;
const pattern = Uint8Array.from({ length: most }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

/** Bytes in the middle of a buffer, and the bytes around them. */
function room(shared: boolean, offset: number, length: number): Uint8Array {
  const bytes = length + 32;
  return new Uint8Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes), offset, length);
}

test('copies exactly the bytes, between both kinds of memory and for all offsets', () => {
  fc.assert(
    fc.property(
      fc.record({ toShared: fc.boolean(), fromShared: fc.boolean(), to: fc.nat(16), from: fc.nat(16) }),
      fc.oneof(fc.nat(100), fc.integer({ min: 65_500, max: most })),
      (how, length) => {
        const from = room(how.fromShared, how.from, length);
        from.set(pattern.subarray(0, length));
        const to = room(how.toShared, how.to, length);
        copyBytes(to, from);
        expect(Buffer.compare(to.slice(), pattern.subarray(0, length))).toBe(0);
        const around = new Uint8Array(to.buffer);
        expect(around.subarray(0, how.to).every((byte) => byte === 0)).toBe(true);
        expect(around.subarray(how.to + length).every((byte) => byte === 0)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

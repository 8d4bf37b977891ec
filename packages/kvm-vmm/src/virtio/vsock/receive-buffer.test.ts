import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReceiveBuffer } from './receive-buffer.js';

test('bytes come out as they went in', () => {
  const step = fc.oneof(fc.nat(40), fc.nat(6000), fc.constant('take' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const buffer = new ReceiveBuffer();
      const [before, after]: Buffer[][] = [[], []];
      for (const each of steps) {
        if (each !== 'take') {
          const bytes = Buffer.from(Uint8Array.from({ length: each + 2 }, (_, i) => i * each));
          buffer.append(bytes, 2, each);
          before?.push(bytes.subarray(2));
        } else {
          const bytes = buffer.take();
          expect(bytes?.length).not.toBe(0);
          if (bytes !== undefined) after?.push(bytes);
        }
        expect(buffer.length).toBe(sizeOf(before) - sizeOf(after));
      }
      for (let bytes = buffer.take(); bytes !== undefined; bytes = buffer.take()) after?.push(bytes);
      expect(Buffer.compare(Buffer.concat(after ?? []), Buffer.concat(before ?? []))).toBe(0);
    }),
  );
});

test('small packets that nobody reads take little more memory than they have bytes', () => {
  const buffer = new ReceiveBuffer();
  for (let i = 0; i < 100_000; i++) buffer.append(Uint8Array.of(i), 0, 1);
  let pieces = 0;
  while (buffer.take() !== undefined) pieces++;
  expect(pieces).toBeLessThan(30);
});

function sizeOf(buffers: readonly Buffer[] = []): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}

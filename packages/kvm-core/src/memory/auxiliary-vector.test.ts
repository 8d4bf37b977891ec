import { expect, test } from 'vitest';
import { AuxiliaryEntry, auxiliaryValue } from './auxiliary-vector.js';

const pageSizeIn = (vector: Uint8Array) => auxiliaryValue(vector, AuxiliaryEntry.PageSize);

test.each([
  ['of 64 KiB', [33n, 0x7fff_0000_0000n, 6n, 0x10000n, 0n, 0n], 0x10000],
  ['of 16 KiB, the first entry', [6n, 0x4000n, 0n, 0n], 0x4000],
  ['that is a value only, and no kind', [3n, 6n, 4n, 56n, 0n, 0n], undefined],
  ['cut short after its kind', [33n, 1n, 6n], undefined],
  ['of an empty vector', [], undefined],
])('finds the page size %s', (_, words, size) => {
  expect(pageSizeIn(new Uint8Array(BigUint64Array.from(words).buffer))).toBe(size);
});

test('reads a vector in a pooled Buffer', () => {
  const shared = Buffer.concat([Buffer.alloc(24, 6), Buffer.from(BigUint64Array.of(33n, 1n, 6n, 0x4000n).buffer)]);
  expect(pageSizeIn(shared.subarray(24))).toBe(0x4000);
});

test('reads a vector at an odd offset of its buffer', () => {
  const bytes = new Uint8Array(17);
  bytes.set(new Uint8Array(BigUint64Array.of(6n, 0x4000n).buffer), 1);
  expect(pageSizeIn(bytes.subarray(1))).toBe(0x4000);
});

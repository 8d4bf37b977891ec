import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOut, ramOffset } from './memory-map.js';

const GiB = 2 ** 30;

test('guest-physical addresses are found where the memory is mapped', () => {
  expect(ramOffset(0x1000, 16, GiB)).toBe(0x1000);
  expect(ramOffset(GiB - 16, 16, GiB)).toBe(GiB - 16);
  expect(ramOffset(GiB - 15, 16, GiB)).toBeUndefined();
  expect(ramOffset(3 * GiB, 1, 6 * GiB)).toBeUndefined();
  expect(ramOffset(4 * GiB, 16, 6 * GiB)).toBe(3 * GiB);
  expect(ramOffset(7 * GiB, 1, 6 * GiB)).toBeUndefined();
  expect(ramOffset(4 * GiB, 1, 3 * GiB)).toBeUndefined();
});

test('exactly the addresses of the memory map are memory', () => {
  const size = fc.integer({ min: 1, max: (8 * GiB) / 4096 }).map((pages) => pages * 4096);
  const hostile = fc.oneof(fc.constantFrom(-1, Number.NaN, 2 ** 53, 2 ** 64), fc.integer({ min: 0, max: 10 * GiB }));
  const near = fc.tuple(fc.constantFrom(0, 3 * GiB, 4 * GiB), fc.integer({ min: -20, max: 20 })).map(([a, b]) => a + b);
  fc.assert(
    fc.property(size, fc.oneof(hostile, near), fc.nat(64), (bytes, address, length) => {
      const pieces = [...layOut(bytes, 2 ** 40)];
      const piece = pieces.find(
        ({ guestPhysAddr, size: room }) =>
          address >= Number(guestPhysAddr) && address + length <= Number(guestPhysAddr) + room,
      );
      const expected = piece && piece.offset + address - Number(piece.guestPhysAddr);
      expect(ramOffset(address, length, bytes)).toBe(expected);
    }),
  );
});

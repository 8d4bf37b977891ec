import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOut, lowMemoryEnd } from './memory-map.js';

const GiB = 2 ** 30;

test('up to 3 GiB are mapped at address 0, the rest from 4 GiB on', () => {
  expect([...layOut(GiB, 4 * GiB)]).toEqual([{ guestPhysAddr: 0n, offset: 0, size: GiB }]);
  expect([...layOut(6 * GiB, 4 * GiB)]).toEqual([
    { guestPhysAddr: 0n, offset: 0, size: 3 * GiB },
    { guestPhysAddr: 0x1_0000_0000n, offset: 3 * GiB, size: GiB },
    { guestPhysAddr: 0x1_4000_0000n, offset: 4 * GiB, size: 2 * GiB },
  ]);
  expect([lowMemoryEnd(GiB), lowMemoryEnd(6 * GiB)]).toEqual([0x4000_0000n, 0xc000_0000n]);
});

test('the pieces cover the memory, each within one window, none in the device hole', () => {
  const pages = fc.integer({ min: 1, max: (16 * GiB) / 4096 }).map((n) => n * 4096);
  const window = fc.integer({ min: GiB / 4 / 4096, max: (16 * GiB) / 4096 }).map((n) => n * 4096);
  fc.assert(
    fc.property(pages, window, (size, windowSize) => {
      let offset = 0;
      let address = 0n;
      for (const piece of layOut(size, windowSize)) {
        expect(piece.offset).toBe(offset);
        expect(piece.size).toBeGreaterThan(0);
        expect(piece.guestPhysAddr).toBeGreaterThanOrEqual(address);
        offset += piece.size;
        address = piece.guestPhysAddr + BigInt(piece.size);
        expect(Math.floor(piece.offset / windowSize)).toBe(Math.floor((offset - 1) / windowSize));
        expect(address <= 0xc000_0000n || piece.guestPhysAddr >= 0x1_0000_0000n).toBe(true);
      }
      expect(offset).toBe(size);
    }),
  );
});

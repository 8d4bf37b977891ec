import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Claim, RangeMap } from './range-map.js';

const limit = 200;
const claims = fc.array(
  fc.tuple(fc.nat(limit), fc.integer({ min: 1, max: 40 })).map(([start, length]) => ({ start, end: start + length })),
  { maxLength: 12 },
);

test('every address belongs to the first claim of it, and overlapping claims are refused', () => {
  fc.assert(
    fc.property(claims, fc.array(fc.tuple(fc.nat(limit + 50), fc.constantFrom(1, 2, 4, 8))), (wanted, looks) => {
      const map = new RangeMap<number>();
      const accepted: Claim<number>[] = [];
      for (const [owner, { start, end }] of wanted.entries()) {
        const claim = { start, end, owner, range: 0 };
        if (accepted.some((other) => start < other.end && other.start < end)) {
          expect(() => map.add(claim, 'the range')).toThrow(/^the range 0x[0-9a-f]+\.\.0x[0-9a-f]+ overlaps 0x/);
        } else {
          map.add(claim, 'the range');
          accepted.push(claim);
        }
      }
      for (const [address, length] of looks) {
        const owner = accepted.find(({ start, end }) => address >= start && address + length <= end);
        expect(map.find(address, length)).toBe(owner);
      }
    }),
  );
});

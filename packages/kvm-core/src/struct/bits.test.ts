import fc from 'fast-check';
import { expect, test } from 'vitest';
import { getBigBits, getBits, setBigBits, setBits } from './bits.js';

test('a little-endian bitfield starts at the low end of each byte', () => {
  const view = new DataView(new ArrayBuffer(4));
  setBits(view, 4, 8, true, 0xab, 'x');
  expect(view.getUint32(0, true)).toBe(0xab0);
});

test('a big-endian bitfield starts at the high end of each byte', () => {
  const view = new DataView(new ArrayBuffer(4));
  setBits(view, 4, 8, false, 0xab, 'x');
  expect(view.getUint32(0, false)).toBe(0x0ab00000);
});

test('a value that was set is read back, and no other bit changes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.nat(64),
      fc.integer({ min: 1, max: 64 }),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.boolean(),
      (bytes, offset, width, wide, littleEndian) => {
        const value = wide & ((1n << BigInt(width)) - 1n);
        const view = new DataView(bytes.slice().buffer);
        setBigBits(view, offset, width, littleEndian, value, 'x');
        expect(getBigBits(view, offset, width, littleEndian)).toBe(value);
        setBigBits(
          view,
          offset,
          width,
          littleEndian,
          getBigBits(new DataView(bytes.buffer), offset, width, littleEndian),
          'x',
        );
        expect([...new Uint8Array(view.buffer)]).toEqual([...bytes]);
      },
    ),
  );
});

test('a value that needs more bits is refused', () => {
  const view = new DataView(new ArrayBuffer(1));
  expect(() => setBits(view, 0, 3, true, 8, 'entry.mode')).toThrow(/entry\.mode.*from 0 to 7/);
  expect(getBits(view, 0, 3, true)).toBe(0);
});

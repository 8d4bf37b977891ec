import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Challenge } from './challenge.js';

function read64(device: Challenge, offset: number): bigint {
  return (BigInt(device.read(offset + 4, 4)) << 32n) | BigInt(device.read(offset, 4));
}

/** A 64-bit write, as the bus splits it. */
function write64(device: Challenge, offset: number, value: bigint): void {
  device.write(offset, 4, Number(value & 0xffff_ffffn));
  device.write(offset + 4, 4, Number(value >> 32n));
}

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test('the expected result is sixteen rounds of multiply and add', () => {
  // With b = 1 the rounds add 1 + 2 + ... + 16.
  expect(new Challenge(5n, 1n).expected).toBe(5n + 136n);
  // With b = 2, x doubles 16 times, and the sum of i * 2^(16 - i) is 2^17 - 18.
  expect(new Challenge(1n, 2n).expected).toBe(2n ** 16n + (2n ** 17n - 18n));
});

test('the verdict is right for the expected result only', () => {
  fc.assert(
    fc.property(u64, u64, u64, (a, b, guess) => {
      const device = new Challenge(a, b);
      expect([read64(device, 0x00), read64(device, 0x08), read64(device, 0x18)]).toEqual([a, b, 0n]);
      expect(device.verdict).toBe('none');
      write64(device, 0x10, guess);
      expect(device.verdict).toBe(guess === device.expected ? 'right' : 'wrong');
      write64(device, 0x10, device.expected);
      expect(device.verdict).toBe('right');
      expect(device.read(0x18, 4)).toBe(1);
      expect(read64(device, 0x10)).toBe(device.expected);
    }),
  );
});

test('operands are read-only, and half a result is none', () => {
  const device = new Challenge(3n, 4n);
  for (const offset of [0x00, 0x08, 0x18]) write64(device, offset, 9n);
  device.write(0x10, 4, Number(device.expected & 0xffff_ffffn));
  device.write(0x14, 2, 0);
  expect(device.verdict).toBe('none');
  expect(read64(device, 0x00)).toBe(3n);
});

test('any part of the registers can be read', () => {
  const device = new Challenge(0x0807_0605_0403_0201n, 0x100f_0e0d_0c0b_0a09n);
  const byteAt = (i: number): number => (i < 16 ? i + 1 : 0);
  fc.assert(
    fc.property(fc.nat(0x1f), fc.constantFrom(1, 2, 4), (offset, size) => {
      fc.pre(offset + size <= 0x20);
      let expected = 0;
      for (let i = size - 1; i >= 0; i--) expected = expected * 256 + byteAt(offset + i);
      expect(device.read(offset, size)).toBe(expected);
    }),
  );
});

test('a saved state restores the result and the verdict', () => {
  fc.assert(
    fc.property(fc.option(u64), fc.nat(0xffff_ffff), (result, low) => {
      const device = new Challenge(3n, 4n);
      if (result !== null) write64(device, 0x10, result);
      device.write(0x10, 4, low);
      const restored = new Challenge(3n, 4n);
      restored.load(JSON.parse(JSON.stringify(device.save())));
      expect([restored.result, restored.verdict]).toEqual([device.result, device.verdict]);
      for (let offset = 0; offset < 0x20; offset++) expect(restored.read(offset, 1)).toBe(device.read(offset, 1));
    }),
  );
});

test.each([
  { version: 2, resultLow: 0, result: null },
  { version: 1, resultLow: 0, result: '12' },
  { version: 1, resultLow: 0.5, result: null },
])('the state %o is refused', (state) => {
  expect(() => new Challenge(3n, 4n).load(state as never)).toThrow(expect.objectContaining({ name: 'KvmError' }));
});

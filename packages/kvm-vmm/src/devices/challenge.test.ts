import { MmioAccess } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Challenge } from './challenge.js';

function read(device: Challenge, offset: number, len: number): bigint {
  const access = new MmioAccess();
  access.len = len;
  device.read(offset, access);
  return access.value;
}

function write(device: Challenge, offset: number, len: number, value: bigint): void {
  const access = new MmioAccess();
  access.len = len;
  access.value = BigInt.asUintN(8 * len, value);
  device.write(offset, access);
}

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test('it judges a result by sixteen rounds of multiply and add', () => {
  // With b = 1 the rounds add 1 + 2 + ... + 16.
  expect(new Challenge(5n, 1n).expected).toBe(5n + 136n);
  // With b = 2, x doubles 16 times, and the sum of i * 2^(16 - i) is 2^17 - 18.
  expect(new Challenge(1n, 2n).expected).toBe(2n ** 16n + (2n ** 17n - 18n));
});

test('the right result, and no other, is right', () => {
  fc.assert(
    fc.property(u64, u64, u64, (a, b, guess) => {
      const device = new Challenge(a, b);
      expect([read(device, 0x00, 8), read(device, 0x08, 8), read(device, 0x18, 8)]).toEqual([a, b, 0n]);
      expect(device.verdict).toBe('none');
      write(device, 0x10, 8, guess);
      expect(device.verdict).toBe(guess === device.expected ? 'right' : 'wrong');
      write(device, 0x10, 8, device.expected);
      expect(device.verdict).toBe('right');
      expect(read(device, 0x18, 4)).toBe(1n);
      expect(read(device, 0x10, 8)).toBe(device.expected);
    }),
  );
});

test('operands cannot be written, nor a result in parts', () => {
  const device = new Challenge(3n, 4n);
  for (const offset of [0x00, 0x08, 0x18]) write(device, offset, 8, 9n);
  write(device, 0x10, 4, device.expected);
  expect(device.verdict).toBe('none');
  expect(read(device, 0x00, 8)).toBe(3n);
});

test('any part of the registers can be read', () => {
  const device = new Challenge(0x0807_0605_0403_0201n, 0x100f_0e0d_0c0b_0a09n);
  const byteAt = (i: number): bigint => (i < 16 ? BigInt(i + 1) : 0n);
  fc.assert(
    fc.property(fc.nat(0x1f), fc.constantFrom(1, 2, 4, 8), (offset, len) => {
      fc.pre(offset + len <= 0x20);
      let expected = 0n;
      for (let i = 0; i < len; i++) expected |= byteAt(offset + i) << BigInt(8 * i);
      expect(read(device, offset, len)).toBe(expected);
    }),
  );
});

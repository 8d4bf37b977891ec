import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PioBus } from './pio-bus.js';
import type { AccessSize, Registers } from './registers.js';

/** Registers that record writes, and whose reads depend on the offset. */
function recorder(): Registers & { writes: [number, number, number][] } {
  const writes: [number, number, number][] = [];
  return {
    writes,
    read: (offset, size) => (offset * 0x0101_0101 + 0x1234_5678) % 2 ** (8 * size),
    write: (offset, size, value) => writes.push([offset, size, value]),
  };
}

test('a device gets the accesses to its ports, with offsets from the first one', () => {
  const bus = new PioBus();
  const device = recorder();
  bus.attach(0x3f8, 8, device);
  bus.write(0x3f8, 1, 0x41);
  bus.write(0x3fc, 4, 0xffff_fffe);
  expect(device.writes).toEqual([
    [0, 1, 0x41],
    [4, 4, 0xffff_fffe],
  ]);
  expect(bus.read(0x3f9, 1)).toBe(0x79);
  expect([bus.unclaimedReads, bus.unclaimedWrites]).toEqual([0, 0]);
});

test('unclaimed ports read all ones and ignore writes, and both are counted', () => {
  const bus = new PioBus();
  expect(([1, 2, 4] as const).map((size) => bus.read(0x80, size))).toEqual([0xff, 0xffff, 0xffff_ffff]);
  bus.write(0x80, 1, 0);
  expect([bus.unclaimedReads, bus.unclaimedWrites]).toEqual([3, 1]);
});

test('an access that crosses the end of a range is unclaimed', () => {
  const bus = new PioBus();
  const device = recorder();
  bus.attach(0x3f8, 8, device);
  bus.write(0x3fe, 4, 0);
  bus.write(0x3f7, 2, 0);
  expect(device.writes).toEqual([]);
  expect(bus.unclaimedWrites).toBe(2);
});

test('ranges that overlap are refused, and the message names both', () => {
  const bus = new PioBus();
  bus.attach(0x3f8, 8, recorder());
  expect(() => bus.attach(0x3ff, 2, recorder())).toThrow(
    'the port range 0x3ff..0x400 overlaps 0x3f8..0x3ff, which belongs to another device',
  );
  bus.attach(0x400, 2, recorder());
});

test.each([
  [-1, 1],
  [0xffff, 2],
  [0x10000, 1],
  [0, 0],
  [0.5, 1],
  [Number.NaN, 1],
])('the range of ports from %d with length %d is refused', (port, length) => {
  expect(() => new PioBus().attach(port, length, recorder())).toThrow(KvmError);
});

test('every read returns a value that fits its size', () => {
  const bus = new PioBus();
  bus.attach(0x10, 5, recorder());
  bus.attach(0x15, 1, recorder());
  bus.attach(0xfffe, 2, recorder());
  const port = fc.oneof(fc.integer({ min: 0x0c, max: 0x18 }), fc.integer({ min: 0xfff8, max: 0xffff }));
  fc.assert(
    fc.property(port, fc.constantFrom<AccessSize>(1, 2, 4), fc.nat(0xffff_ffff), (at, size, value) => {
      bus.write(at, size, value % 2 ** (8 * size));
      const read = bus.read(at, size);
      expect(Number.isInteger(read) && read >= 0 && read < 2 ** (8 * size)).toBe(true);
    }),
  );
});

import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PioBus, type PioDevice } from './pio-bus.js';

/** A device that remembers, and reads back what it remembers. */
function recorder(): PioDevice & { writes: [number, number, number][] } {
  const writes: [number, number, number][] = [];
  return {
    writes,
    read: (offset, size) => (offset * 0x0101_0101 + 0x1234_5678) % 2 ** (8 * size),
    write: (offset, size, value) => writes.push([offset, size, value]),
  };
}

test('a device gets what is meant for it, counted from its first port', () => {
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

test('ports that nobody has read all ones, and what is written there is lost but counted', () => {
  const bus = new PioBus();
  expect([1, 2, 4].map((size) => bus.read(0x80, size))).toEqual([0xff, 0xffff, 0xffff_ffff]);
  bus.write(0x80, 1, 0);
  expect([bus.unclaimedReads, bus.unclaimedWrites]).toEqual([3, 1]);
});

test('an access that leaves a device is for nobody', () => {
  const bus = new PioBus();
  const device = recorder();
  bus.attach(0x3f8, 8, device);
  bus.write(0x3fe, 4, 0);
  bus.write(0x3f7, 2, 0);
  expect(device.writes).toEqual([]);
  expect(bus.unclaimedWrites).toBe(2);
});

test('two devices cannot have one port, and the message names both ranges', () => {
  const bus = new PioBus();
  bus.attach(0x3f8, 8, recorder());
  expect(() => bus.attach(0x3ff, 2, recorder())).toThrow(
    'the range of ports 0x3ff..0x400 overlaps 0x3f8..0x3ff, which another device has',
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
])('there are no ports from %d, %d of them', (port, length) => {
  expect(() => new PioBus().attach(port, length, recorder())).toThrow(KvmError);
});

test('any sequence of accesses is answered within its size', () => {
  const bus = new PioBus();
  bus.attach(0x10, 5, recorder());
  bus.attach(0x15, 1, recorder());
  bus.attach(0xfffe, 2, recorder());
  const port = fc.oneof(fc.integer({ min: 0x0c, max: 0x18 }), fc.integer({ min: 0xfff8, max: 0xffff }));
  fc.assert(
    fc.property(port, fc.constantFrom(1, 2, 4), fc.nat(0xffff_ffff), (at, size, value) => {
      bus.write(at, size, value % 2 ** (8 * size));
      const read = bus.read(at, size);
      expect(Number.isInteger(read) && read >= 0 && read < 2 ** (8 * size)).toBe(true);
    }),
  );
});

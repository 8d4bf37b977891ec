import { KvmError, MmioAccess } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MmioBus } from './mmio-bus.js';
import type { Registers } from './registers.js';

/** An access as KVM reports it. */
function access(physAddr: bigint, len: number, write?: bigint): MmioAccess {
  const mmio = new MmioAccess();
  mmio.physAddr = physAddr;
  mmio.len = len;
  mmio.isWrite = write !== undefined;
  mmio.value = BigInt.asUintN(8 * len, write ?? 0n);
  return mmio;
}

/** Records writes. Each byte reads as its offset. */
function recorder(): Registers & { writes: [number, number, number][] } {
  const writes: [number, number, number][] = [];
  return {
    writes,
    read: (offset, size) => {
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = value * 256 + ((offset + i) & 0xff);
      return value;
    },
    write: (offset, size, value) => writes.push([offset, size, value]),
  };
}

test('a device gets the accesses to its addresses, with offsets from the first one', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(0xd000_0000n, 0x20n, device);
  bus.dispatch(access(0xd000_0010n, 4, 0xffff_fffen));
  bus.dispatch(access(0xd000_001fn, 1, 0x80n));
  expect(device.writes).toEqual([
    [0x10, 4, 0xffff_fffe],
    [0x1f, 1, 0x80],
  ]);
  const read = access(0xd000_0008n, 2);
  bus.dispatch(read);
  expect(read.value).toBe(0x0908n);
});

test('an access of another size arrives as several ones, the lowest address first', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(0x1000n, 0x20n, device);
  bus.dispatch(access(0x1010n, 8, 0x1122_3344_5566_7788n));
  bus.dispatch(access(0x1000n, 7, 0x77_6655_4433_2211n));
  expect(device.writes).toEqual([
    [0x10, 4, 0x5566_7788],
    [0x14, 4, 0x1122_3344],
    [0, 4, 0x4433_2211],
    [4, 2, 0x6655],
    [6, 1, 0x77],
  ]);
  const read = access(0x1008n, 8);
  bus.dispatch(read);
  expect(read.value).toBe(0x0f0e_0d0c_0b0a_0908n);
});

test('a value that does not fit the size of a read is an error of the device', () => {
  const bus = new MmioBus();
  bus.attach(0x1000n, 4n, { read: () => 0x100, write: () => {} });
  expect(() => bus.dispatch(access(0x1000n, 1))).toThrow('what a guest reads must be a whole number from 0 to 255');
});

test('a device can be at the very end of the physical addresses', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(2n ** 52n - 8n, 8n, device);
  bus.dispatch(access(2n ** 52n - 4n, 4, 5n));
  expect(device.writes).toEqual([[4, 4, 5]]);
});

test('unclaimed addresses read all ones and ignore writes, and both are counted', () => {
  const bus = new MmioBus();
  const read = access(0xfee0_0000n, 4);
  bus.dispatch(read);
  expect(read.value).toBe(0xffff_ffffn);
  bus.dispatch(access(0xfee0_0000n, 4, 1n));
  bus.dispatch(access(0xffff_ffff_ffff_fff8n, 8, 1n));
  expect([bus.unclaimedReads, bus.unclaimedWrites]).toEqual([1, 2]);
});

test.each([
  [-1n, 1n],
  [0n, 0n],
  [2n ** 52n, 1n],
  [2n ** 52n - 1n, 2n],
])('the range of addresses from %d with length %d is refused', (address, length) => {
  expect(() => new MmioBus().attach(address, length, recorder())).toThrow(KvmError);
});

test('ranges that overlap are refused', () => {
  const bus = new MmioBus();
  bus.attach(0x1000n, 0x1000n, recorder());
  expect(() => bus.attach(0x1fffn, 1n, recorder())).toThrow('overlaps 0x1000..0x1fff');
});

test('every access is answered, and device accesses arrive with all their bytes', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(0x1000n, 0x10n, device);
  const address = fc.oneof(fc.bigInt({ min: 0xff0n, max: 0x1018n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const length = fc.integer({ min: 1, max: 8 });
  fc.assert(
    fc.property(address, length, fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (at, len, value) => {
      const inside = at >= 0x1000n && at + BigInt(len) <= 0x1010n;
      const mmio = access(at, len, value ?? undefined);
      device.writes.length = 0;
      bus.dispatch(mmio);
      const written = device.writes.reduce((sum, [, size]) => sum + size, 0);
      expect(written).toBe(inside && value !== null ? len : 0);
      if (!inside && value === null) expect(mmio.value).toBe(2n ** BigInt(8 * len) - 1n);
      if (inside && value === null) {
        expect([...mmio.data]).toEqual(Array.from({ length: len }, (_, i) => Number(at) - 0x1000 + i));
      }
    }),
  );
});

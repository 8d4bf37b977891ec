import { KvmError, MmioAccess } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MmioBus, type MmioDevice } from './mmio-bus.js';

/** An access as KVM reports it. */
function access(physAddr: bigint, len: number, write?: bigint): MmioAccess {
  const mmio = new MmioAccess();
  mmio.physAddr = physAddr;
  mmio.len = len;
  mmio.isWrite = write !== undefined;
  mmio.value = BigInt.asUintN(8 * len, write ?? 0n);
  return mmio;
}

function recorder(): MmioDevice & { writes: [number, number, bigint][] } {
  const writes: [number, number, bigint][] = [];
  return {
    writes,
    read: (offset, mmio) => {
      mmio.value = BigInt.asUintN(8 * mmio.len, 0x1122_3344_5566_7700n + BigInt(offset));
    },
    write: (offset, mmio) => writes.push([offset, mmio.len, mmio.value]),
  };
}

test('a device gets accesses of up to 8 bytes, counted from its first address', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(0xd000_0000n, 0x20n, device);
  bus.dispatch(access(0xd000_0010n, 8, 0xffff_ffff_ffff_fffen));
  bus.dispatch(access(0xd000_001fn, 1, 0x80n));
  expect(device.writes).toEqual([
    [0x10, 8, 0xffff_ffff_ffff_fffen],
    [0x1f, 1, 0x80n],
  ]);
  const read = access(0xd000_0008n, 8);
  bus.dispatch(read);
  expect(read.value).toBe(0x1122_3344_5566_7708n);
});

test('a device can lie at the very end of the physical addresses', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(2n ** 52n - 8n, 8n, device);
  bus.dispatch(access(2n ** 52n - 4n, 4, 5n));
  expect(device.writes).toEqual([[4, 4, 5n]]);
});

test('addresses that nobody has read all ones, and what is written there is lost but counted', () => {
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
])('there are no addresses from %d, %d of them', (address, length) => {
  expect(() => new MmioBus().attach(address, length, recorder())).toThrow(KvmError);
});

test('two devices cannot have one address', () => {
  const bus = new MmioBus();
  bus.attach(0x1000n, 0x1000n, recorder());
  expect(() => bus.attach(0x1fffn, 1n, recorder())).toThrow('overlaps 0x1000..0x1fff');
});

test('any sequence of accesses is answered', () => {
  const bus = new MmioBus();
  const device = recorder();
  bus.attach(0x1000n, 0x10n, device);
  const address = fc.oneof(fc.bigInt({ min: 0xff0n, max: 0x1018n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const length = fc.constantFrom(1, 2, 4, 8);
  fc.assert(
    fc.property(address, length, fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (at, len, value) => {
      const inside = at >= 0x1000n && at + BigInt(len) <= 0x1010n;
      const mmio = access(at, len, value ?? undefined);
      const before = device.writes.length;
      bus.dispatch(mmio);
      expect(device.writes.length - before).toBe(inside && value !== null ? 1 : 0);
      if (!inside && value === null) expect(mmio.value).toBe(2n ** BigInt(8 * len) - 1n);
    }),
  );
});

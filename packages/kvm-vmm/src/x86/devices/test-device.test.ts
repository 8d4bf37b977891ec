import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessSize } from '../../bus/registers.js';
import { TestDevice } from './test-device.js';

const [ports, lines, memory] = [0, 1, 2];

test('the scratch register holds bytes, words and a double word, at 0xe0 and at 0xe8', () => {
  const device = new TestDevice();
  device.write(0, 4, 0x1234_5678, ports);
  device.write(1, 1, 0xaa, ports);
  device.write(10, 2, 0xbbcc, ports);
  expect([device.read(0, 4, ports), device.read(2, 2, ports), device.read(9, 1, ports)]).toEqual([
    0xbbcc_aa78, 0xbbcc, 0xaa,
  ]);
});

test('a write of four bytes to 0xe4 flushes the page of that address, and another access does nothing', () => {
  const flushed: bigint[] = [];
  const device = new TestDevice({ flushPage: (address) => flushed.push(address) });
  device.write(4, 4, 0xffff_f123, ports);
  device.write(4, 1, 0, ports);
  device.write(6, 2, 0x1000, ports);
  expect(flushed).toEqual([0xffff_f000n]);
  expect(device.read(4, 4, ports)).toBe(0xffff_ffff);
});

test('a byte sets the level of an interrupt line, and a wider write those of several', () => {
  const set: [number, boolean][] = [];
  const device = new TestDevice({ irqLine: (gsi, level) => set.push([gsi, level]) });
  device.write(23, 1, 0x80, lines);
  device.write(23, 1, 1, lines);
  device.write(4, 4, 0x01_00_00_01, lines);
  device.write(23, 1, 0, lines);
  expect(set).toEqual([
    [23, true],
    [4, true],
    [7, true],
    [23, false],
  ]);
  expect(device.read(23, 1, lines)).toBe(0xff);
});

test('its memory holds what is written, at any alignment', () => {
  const access = fc.record({
    offset: fc.oneof(fc.nat(0xfffc), fc.nat(8)),
    size: fc.constantFrom<AccessSize>(1, 2, 4),
    value: fc.nat(0xffff_ffff),
  });
  fc.assert(
    fc.property(fc.array(access, { maxLength: 30 }), (accesses) => {
      const device = new TestDevice();
      const model = new DataView(new ArrayBuffer(0x1_0000));
      for (const { offset, size, value } of accesses) {
        for (let i = 0; i < size; i++) model.setUint8(offset + i, value >>> (8 * i));
        device.write(offset, size, size === 4 ? value : value % 2 ** (8 * size), memory);
        expect(device.read(offset, size, memory)).toBe((model.getUint32(offset, true) & (2 ** (8 * size) - 1)) >>> 0);
      }
    }),
  );
});

test('a saved state restores scratch, memory and the levels of the lines', () => {
  const device = new TestDevice();
  device.write(0, 4, 0x8765_4321, ports);
  device.write(0xfffe, 2, 0xbeef, memory);
  device.write(0, 1, 1, lines);
  device.write(23, 1, 1, lines);
  const set: [number, boolean][] = [];
  const restored = new TestDevice({ irqLine: (gsi, level) => set.push([gsi, level]) });
  restored.write(5, 1, 1, lines);
  restored.load(JSON.parse(JSON.stringify(device.save())));
  expect([restored.read(0, 4, ports), restored.read(0xfffe, 2, memory)]).toEqual([0x8765_4321, 0xbeef]);
  expect(set).toEqual([
    [5, true],
    [0, true],
    [5, false],
    [23, true],
  ]);
});

test.each([
  { scratch: -1 },
  { lines: 2 ** 24 },
  { memory: 5 },
  { memory: 'AAAA' },
  { memory: `${'A'.repeat(87_380)}!===` },
  { version: 2 },
])('a state with %o is refused, and changes nothing', (fields) => {
  const device = new TestDevice();
  const good = device.save();
  expect(() => device.load({ ...good, ...fields } as never)).toThrow(KvmError);
  expect(device.save()).toEqual(good);
});

test('callbacks that are no functions are refused', () => {
  expect(() => new TestDevice({ irqLine: 5 as never })).toThrow('irqLine must be a function');
  expect(() => new TestDevice({ flushPage: 5 as never })).toThrow('flushPage must be a function');
});

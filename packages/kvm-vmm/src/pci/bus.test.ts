import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TestFunction } from '../../test/pci-function.js';
import type { AccessSize } from '../bus/registers.js';
import { PciBus } from './bus.js';
import { HostBridge } from './host-bridge.js';

const ecam = 0xe000_0000n;
const memory32 = { start: 0xe800_0000n, length: 0x20_0000n };
const memory64 = { start: 0x40_0000_0000n, length: 0x4000_0000n };
const Range = { Ecam: 0, Memory32: 1, Memory64: 2 } as const;
const Register = { Command: 4, Bar0: 0x10, Bar1: 0x14, Bar2: 0x18 } as const;
const memory = 2;

/** A bus with a host bridge and three devices: of one BAR, of one that is 64 bits wide, and of three. */
function make(): { bus: PciBus; functions: TestFunction[] } {
  const bus = new PciBus({ ecam, memory32, memory64 });
  bus.add(new HostBridge());
  const functions = [
    new TestFunction('a', [{ index: 0, size: 0x1000 }]),
    new TestFunction('b', [{ index: 0, size: 0x1000_0000, is64: true, prefetchable: true }]),
    new TestFunction('c', [
      { index: 0, size: 0x2000 },
      { index: 1, size: 0x1000 },
      { index: 4, size: 0x8000, is64: true },
    ]),
  ];
  for (const each of functions) bus.add(each);
  return { bus, functions };
}

const config = (device: number): number => device << 3;

describe('configuration space', () => {
  test('of the host bridge is device 0, by ECAM too', () => {
    const { bus } = make();
    expect(bus.readConfig(config(0), 0, 4)).toBe(0x0008_1b36);
    expect(bus.readConfig(config(0), 8, 4)).toBe(0x0600_0000);
    expect(bus.read(0, 4, Range.Ecam)).toBe(0x0008_1b36);
    expect(bus.read((1 << 15) + 2, 2, Range.Ecam)).toBe(0x5678);
  });

  test('is all ones where nothing is: other devices and functions, and beyond 256 bytes', () => {
    const { bus } = make();
    for (const address of [config(4), config(31), config(0) + 1, config(1) + 7]) {
      expect(bus.readConfig(address, 0, 4)).toBe(0xffff_ffff);
      bus.writeConfig(address, Register.Command, 2, memory);
    }
    expect(bus.readConfig(config(1), 0x100, 4)).toBe(0xffff_ffff);
    expect(bus.readConfig(config(1), 0x40, 4)).toBe(0);
  });
});

describe('BARs', () => {
  test('lie one after the other in their windows, each at a multiple of its size', () => {
    const { functions } = make();
    expect(functions.map(({ header }) => header.bars.map(({ address }) => address))).toEqual([
      [0xe800_0000],
      [0x40_0000_0000],
      [0xe800_2000, 0xe800_4000, 0x40_1000_0000],
    ]);
  });

  test('tell their sizes to a guest that writes ones', () => {
    const { bus } = make();
    const sizeOf = (device: number, register: number): number => {
      bus.writeConfig(config(device), register, 4, 0xffff_ffff);
      return bus.readConfig(config(device), register, 4);
    };
    expect([sizeOf(1, Register.Bar0), sizeOf(1, Register.Bar1)]).toEqual([0xffff_f000, 0]);
    expect([sizeOf(2, Register.Bar0), sizeOf(2, Register.Bar1)]).toEqual([0xf000_000c, 0xffff_ffff]);
    expect([sizeOf(3, Register.Bar0), sizeOf(3, Register.Bar1), sizeOf(3, Register.Bar2)]).toEqual([
      0xffff_e000, 0xffff_f000, 0,
    ]);
  });

  test('answer while the guest has enabled memory, and in the range that they have then', () => {
    const { bus, functions } = make();
    const [first] = functions as [TestFunction];
    expect(bus.read(0, 1, Range.Memory32)).toBe(0xff);
    bus.writeConfig(config(1), Register.Command, 2, memory);
    expect(first.places[0]).toBe(0xe800_0000);
    bus.write(0, 1, 7, Range.Memory32);
    expect([bus.read(0xfff, 1, Range.Memory32), bus.read(0xffe, 4, Range.Memory32)]).toEqual([7, 0xffff_ffff]);
    bus.writeConfig(config(1), Register.Bar0, 4, 0xe810_0000);
    expect([bus.read(0, 1, Range.Memory32), bus.read(0x10_0000, 1, Range.Memory32)]).toEqual([0xff, 7]);
    expect(first.places[0]).toBe(0xe810_0000);
    bus.writeConfig(config(1), Register.Command, 2, 0);
    expect([bus.read(0x10_0000, 1, Range.Memory32), first.places[0]]).toEqual([0xff, undefined]);
  });

  test('of 64 bits answer above 4 GiB, and in the lower window, too', () => {
    const { bus } = make();
    bus.writeConfig(config(3), Register.Command, 2, memory);
    bus.write(0x1000_0000, 1, 9, Range.Memory64);
    expect(bus.read(0x1000_7fff, 1, Range.Memory64)).toBe(9);
    bus.writeConfig(config(3), 0x24, 4, 0);
    bus.writeConfig(config(3), 0x20, 4, 0xe810_0000);
    expect(bus.read(0x10_0000, 1, Range.Memory32)).toBe(9);
  });

  test('outside of the windows answer nowhere', () => {
    const { bus, functions } = make();
    bus.writeConfig(config(1), Register.Command, 2, memory);
    for (const address of [0, 0xe7ff_f000, 0xe820_0000, 0xfee0_0000, 0xffff_f000, 0xe000_0000]) {
      bus.writeConfig(config(1), Register.Bar0, 4, address);
      expect(functions[0]?.places[0]).toBeUndefined();
    }
  });

  test('that overlap belong to the lower device, until it moves away', () => {
    const { bus, functions } = make();
    const [a, , c] = functions as [TestFunction, TestFunction, TestFunction];
    bus.writeConfig(config(3), Register.Command, 2, memory);
    bus.writeConfig(config(1), Register.Bar0, 4, 0xe800_3000);
    expect(c.places[0]).toBe(0xe800_2000);
    bus.writeConfig(config(1), Register.Command, 2, memory);
    expect([a.places[0], c.places[0]]).toEqual([0xe800_3000, undefined]);
    bus.writeConfig(config(1), Register.Bar0, 4, 0xe801_0000);
    expect([a.places[0], c.places[0]]).toEqual([0xe801_0000, 0xe800_2000]);
  });
});

test('a bus has 32 devices, and a window as much room as it has', () => {
  const bus = new PciBus({ ecam, memory32: { start: 0xe800_0000n, length: 0x1_f000n } });
  for (let i = 0; i < 31; i++) expect(bus.add(new TestFunction(`f${i}`, [{ index: 0, size: 0x1000 }]))).toBe(i);
  expect(() => bus.add(new TestFunction('big', [{ index: 0, size: 0x1000 }]))).toThrow(
    'BAR 0 of big does not fit in the window of the PCI bus',
  );
  bus.add(new HostBridge());
  expect(() => bus.add(new TestFunction('more', []))).toThrow('a PCI bus has 32 devices, and more is one more');
});

test.each([
  [{ index: 0, size: 0x800 }],
  [{ index: 0, size: 0x3000 }],
  [{ index: 6, size: 0x1000 }],
  [{ index: 5, size: 0x1000, is64: true }],
  [{ index: 0, size: 2 ** 32 }],
])('the BAR %o is refused', (bar) => {
  expect(() => new TestFunction('f', [bar])).toThrow(`BAR ${bar.index} cannot have ${bar.size} bytes`);
});

/** An access to configuration space or to a window; `value` is undefined for a read. */
const access = fc.record({
  place: fc.oneof(
    { weight: 3, arbitrary: fc.record({ device: fc.nat(4), offset: fc.oneof(fc.nat(0x2f), fc.nat(0xfff)) }) },
    { weight: 1, arbitrary: fc.record({ range: fc.constantFrom(0, 1, 2), offset: fc.nat(0x3fff_fff8) }) },
  ),
  size: fc.constantFrom<AccessSize>(1, 2, 4),
  value: fc.option(
    fc.oneof(
      fc.nat(0xffff_ffff),
      fc.constantFrom(0, 0xffff_ffff, 6, 0x40, 0x41, 0x3f),
      // Near the windows, so that BARs meet.
      fc.nat(0x1f).map((page) => 0xe800_0000 + page * 0x1000),
    ),
    { nil: undefined },
  ),
});
type Access = typeof access extends fc.Arbitrary<infer A> ? A : never;

function perform(bus: PciBus, { place, size, value }: Access): number | undefined {
  const range = 'device' in place ? Range.Ecam : place.range;
  const length = Number(bus.ranges[range]?.length);
  const offset = ('device' in place ? (place.device << 15) + place.offset : place.offset) % (length - 3);
  if (value === undefined) return bus.read(offset, size, range);
  bus.write(offset, size, value % 2 ** (8 * size), range);
  return undefined;
}

test('after any accesses no two BARs overlap, none is outside, and the state says which answer', () => {
  fc.assert(
    fc.property(fc.array(access, { maxLength: 60 }), fc.array(access, { maxLength: 20 }), (before, after) => {
      const { bus, functions } = make();
      for (const step of before) {
        const value = perform(bus, step);
        if (value !== undefined)
          expect(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * step.size)).toBe(true);
        const mapped = functions.flatMap(({ places, header }) =>
          header.bars.flatMap(({ index, size }) => {
            const start = places[index];
            return start === undefined ? [] : [{ start, end: start + size }];
          }),
        );
        for (const [i, { start, end }] of mapped.entries()) {
          const windows = [memory32, memory64].map((w) => [Number(w.start), Number(w.start + w.length)] as const);
          expect(windows.some(([from, to]) => start >= from && end <= to)).toBe(true);
          for (const other of mapped.slice(i + 1)) expect(end <= other.start || start >= other.end).toBe(true);
        }
      }
      const restored = make();
      restored.bus.load(JSON.parse(JSON.stringify(bus.save())));
      for (const [i, each] of restored.functions.entries()) {
        each.load(JSON.parse(JSON.stringify(functions[i]?.save())));
      }
      expect(restored.functions.map((each) => each.save())).toEqual(functions.map((each) => each.save()));
      const placesOf = (all: TestFunction[]) => all.map(({ places }) => [0, 1, 2, 3, 4].map((index) => places[index]));
      expect(placesOf(restored.functions)).toEqual(placesOf(functions));
      // What the BARs hold is no part of the state.
      const config = after.filter(({ place }) => 'device' in place);
      expect(config.map((step) => perform(restored.bus, step))).toEqual(config.map((step) => perform(bus, step)));
    }),
    { numRuns: 200 },
  );
});

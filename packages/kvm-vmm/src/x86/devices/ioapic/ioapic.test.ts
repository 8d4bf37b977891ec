import { KvmError, type MsiRoute } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IoApic, type IoApicState } from './ioapic.js';

const Low = { edge: 0x31, level: 0x8041, masked: 0x1_0000 } as const;
const remoteIrr = 0x4000;

/** An I/O APIC with what it does, and its registers as a guest reaches them. */
function parts() {
  const raised: number[] = [];
  const tables: (readonly MsiRoute[])[] = [];
  const chip = new IoApic({ raise: (pin) => raised.push(pin), route: (routes) => tables.push(routes) });
  const set = (index: number, value: number): void => {
    chip.write(0x00, 4, index);
    chip.write(0x10, 4, value);
  };
  const get = (index: number): number => {
    chip.write(0x00, 4, index);
    return chip.read(0x10, 4);
  };
  const low = (pin: number): number => 0x10 + 2 * pin;
  return { chip, raised, tables, set, get, low };
}

test('it has an id, a version and 24 pins, which are masked at first', () => {
  const { get, set, low } = parts();
  set(0, 0xffff_ffff);
  expect([get(0), get(1), get(2), get(3)]).toEqual([0x0f00_0000, 0x0017_0020, 0x0f00_0000, 0]);
  expect([get(low(0)), get(low(23)), get(low(24))]).toEqual([Low.masked, Low.masked, 0]);
});

test('read-only bits of a redirection stay, and the other half is left alone', () => {
  const { get, set, low } = parts();
  set(low(5) + 1, 0xffff_ffff);
  set(low(5), 0xffff_ffff);
  expect([get(low(5)), get(low(5) + 1)]).toEqual([0x1_afff, 0xff00_0000]);
});

test('routes are the messages of the pins, and are set when one changes', () => {
  const { set, low, tables } = parts();
  set(low(3) + 1, 0x0200_0000);
  expect(tables).toEqual([]);
  set(low(3), Low.edge);
  expect(tables).toEqual([[{ gsi: 3, msi: { address: 0xfee0_2000n, data: 0x31 } }]]);
  set(low(3), Low.edge);
  expect(tables).toHaveLength(1);
  set(low(3) + 1, 0xff00_0000);
  set(low(3), Low.level | 0x0900);
  expect(tables.at(-1)).toEqual([{ gsi: 3, msi: { address: 0xfeef_f004n, data: 0xc141 } }]);
  set(low(3), Low.edge | Low.masked);
  expect(tables.at(-1)).toEqual([]);
});

test('an edge interrupts once, and is lost while the pin is masked', () => {
  const { chip, set, low, raised } = parts();
  chip.setLine(3, true);
  set(low(3), Low.edge);
  expect(raised).toEqual([]);
  for (const level of [true, false, true, true, false, true]) chip.setLine(3, level);
  expect(raised).toEqual([3, 3]);
});

test('a level interrupts again after its end, as long as the line is high', () => {
  const { chip, set, get, low, raised } = parts();
  set(low(9), Low.level);
  chip.setLine(9, true);
  chip.setLine(9, false);
  chip.setLine(9, true);
  expect([raised, get(low(9))]).toEqual([[9], Low.level | remoteIrr]);
  chip.endOfInterrupt(0x40);
  expect(raised).toEqual([9]);
  chip.write(0x40, 4, 0x41);
  expect(raised).toEqual([9, 9]);
  chip.setLine(9, false);
  chip.endOfInterrupt(0x41);
  expect([raised, get(low(9))]).toEqual([[9, 9], Low.level]);
});

test('a level waits while its pin is masked, and its route remains for the end', () => {
  const { chip, set, low, raised, tables } = parts();
  set(low(9), Low.level);
  chip.setLine(9, true);
  set(low(9), Low.level | Low.masked);
  expect(tables.at(-1)).toHaveLength(1);
  chip.endOfInterrupt(0x41);
  expect(raised).toEqual([9]);
  set(low(9), Low.level);
  expect(raised).toEqual([9, 9]);
});

test('a moment as an edge makes a level whose end was missed interrupt again', () => {
  const { chip, set, low, raised } = parts();
  set(low(9), Low.level);
  chip.setLine(9, true);
  set(low(9), Low.edge | Low.masked);
  set(low(9), Low.level);
  expect(raised).toEqual([9, 9]);
});

test('a pin that is not there is refused', () => {
  const { chip } = parts();
  for (const pin of [24, -1, 0.5]) expect(() => chip.setLine(pin, true)).toThrow(KvmError);
});

test('a restored one sends nothing twice, and has the same routes', () => {
  const first = parts();
  first.set(first.low(9), Low.level);
  first.set(first.low(3), Low.edge);
  for (const pin of [3, 9]) first.chip.setLine(pin, true);
  const second = parts();
  second.chip.load(JSON.parse(JSON.stringify(first.chip.save())));
  for (const pin of [3, 9]) second.chip.setLine(pin, true);
  expect([second.raised, second.tables]).toEqual([[], [first.tables.at(-1)]]);
  second.chip.endOfInterrupt(0x41);
  expect(second.raised).toEqual([9]);
});

test.each([
  { redirections: [] },
  { redirections: Array.from({ length: 48 }, () => 0x4000) },
  { redirections: Array.from({ length: 48 }, () => 0x2_0000) },
  { redirections: Array.from({ length: 48 }, (_, i) => (i % 2) * 0x0100_0001) },
  { levels: 2 ** 24 },
  { id: 1 },
  { select: 256 },
  { version: 2 },
])('a state with %o is refused, and changes nothing', (fields) => {
  const { chip } = parts();
  const good = chip.save();
  expect(() => chip.load({ ...good, ...fields } as IoApicState)).toThrow(KvmError);
  expect(chip.save()).toEqual(good);
});

test('whatever guest and devices do, no unmasked level waits with its line high and nothing in service', () => {
  const step = fc.oneof(
    fc.record({ pin: fc.nat(23), level: fc.boolean() }),
    fc.record({
      index: fc.nat(0x40),
      value: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom<number>(...Object.values(Low))),
    }),
    fc.record({ vector: fc.nat(0xff) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { chip, set, tables } = parts();
      for (const each of steps) {
        if ('pin' in each) chip.setLine(each.pin, each.level);
        else if ('index' in each) set(each.index, each.value);
        else chip.endOfInterrupt(each.vector);
      }
      const { redirections, levels } = chip.save();
      const lows = redirections.filter((_, i) => i % 2 === 0);
      const waiting = lows.filter((low, pin) => (low & 0x1_c000) === 0x8000 && (levels & (1 << pin)) !== 0);
      expect(waiting).toEqual([]);
      const routed = lows.flatMap((low, gsi) => ((low & 0x1_8000) === 0x1_0000 ? [] : [gsi]));
      expect((tables.at(-1) ?? []).map(({ gsi }) => gsi)).toEqual(routed);
    }),
  );
});

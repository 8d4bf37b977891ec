import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestFunction, TestInterrupt } from '../../test/pci-function.js';
import type { AccessSize } from '../bus/registers.js';
import { Msix } from './msix.js';

const Control = { Enable: 0x8000, MaskAll: 0x4000 } as const;
const control = 0x42;

function make(vectors = 3) {
  const interrupts = Array.from({ length: vectors }, () => new TestInterrupt());
  let changes = 0;
  const msix = new Msix({ interrupts, bar: 0, table: 0x4000, pending: 0x6000, written: () => changes++ });
  const { space } = new TestFunction('f', [], [msix.capability]).header;
  const entry = (vector: number, address: number, data: number, isMasked: boolean): void => {
    for (const [index, value] of [address, 0, data, Number(isMasked)].entries()) {
      msix.table.write(16 * vector + 4 * index, 4, value, 0);
    }
  };
  return { msix, interrupts, space, entry, changes: () => changes };
}

test('the capability says how many vectors there are, and where', () => {
  const { space, msix } = make();
  expect([space.read(0x40, 1), space.read(control, 2)]).toEqual([0x11, 2]);
  expect([space.read(0x44, 4), space.read(0x48, 4), msix.isEnabled]).toEqual([0x4000, 0x6000, false]);
});

test('a vector is delivered once MSI-X is enabled and neither mask is set', () => {
  const { msix, interrupts, space, entry, changes } = make();
  entry(1, 0xfee0_1000, 0x41, false);
  space.write(control, 2, Control.Enable | Control.MaskAll);
  msix.signal(1);
  expect([interrupts[1]?.sent, msix.pending.read(0, 4, 0)]).toEqual([[], 2]);
  space.write(control, 2, Control.Enable);
  expect(interrupts[1]?.sent).toEqual([{ address: 0xfee0_1000n, data: 0x41 }]);
  expect([msix.pending.read(0, 4, 0), msix.isEnabled, changes()]).toEqual([0, true, 2]);
  entry(1, 0xfee0_2000, 0x42, true);
  msix.signal(1);
  expect([msix.pending.read(0, 1, 0), interrupts[1]?.sent.length]).toEqual([2, 1]);
  msix.table.write(16 + 12, 1, 0, 0);
  expect(interrupts[1]?.sent.at(-1)).toEqual({ address: 0xfee0_2000n, data: 0x42 });
});

test('each part of the table can be written by itself, and reserved bits stay 0', () => {
  const { msix } = make();
  msix.table.write(0, 4, 0xffff_ffff, 0);
  msix.table.write(12, 4, 0xffff_ffff, 0);
  msix.table.write(9, 1, 0xab, 0);
  expect([0, 4, 8, 12].map((offset) => msix.table.read(offset, 4, 0))).toEqual([0xffff_fffc, 0, 0xab00, 1]);
  expect([msix.table.read(48, 4, 0), msix.table.read(46, 4, 0)]).toEqual([0xffff_ffff, 0xffff_ffff]);
});

test('the pending bits cannot be written, and are 0 beyond the last vector', () => {
  const { msix } = make();
  msix.signal(2);
  msix.pending.write(0, 4, 0xffff_ffff, 0);
  expect([msix.pending.read(0, 4, 0), msix.pending.read(8, 4, 0)]).toEqual([4, 0]);
});

test.each([0, 2049])('MSI-X with %i vectors is refused', (vectors) => {
  expect(() => make(vectors)).toThrow(`MSI-X has 1 to 2048 vectors, not ${vectors}`);
});

const entries = Array<number>(12).fill(0);

test.each([
  ['no object', 5],
  ['an entry too few', { entries: entries.slice(4), pending: [] }],
  ['a wide number', { entries: [2 ** 32, ...entries.slice(1)], pending: [] }],
  ['a reserved bit', { entries: [1, ...entries.slice(1)], pending: [] }],
  ['a vector that is not there', { entries, pending: [3] }],
  ['a vector twice', { entries, pending: [1, 1] }],
])('a state with %s is refused, and changes nothing', (_, state) => {
  const { msix } = make();
  msix.signal(0);
  const before = msix.save();
  expect(() => msix.load(state as never)).toThrow(KvmError);
  expect(msix.save()).toEqual(before);
});

test('any accesses leave a table that works, and a state that says all of it', () => {
  const step = fc.oneof(
    fc.record({
      offset: fc.nat(60),
      size: fc.constantFrom<AccessSize>(1, 2, 4),
      value: fc.oneof(fc.constantFrom(0, 1), fc.nat(0xffff_ffff)),
    }),
    fc.record({ flags: fc.nat(0xffff) }),
    fc.record({ signal: fc.nat(4) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { msix, interrupts, space } = make();
      for (const each of steps) {
        if ('flags' in each) space.write(control, 2, each.flags);
        else if ('signal' in each) msix.signal(each.signal);
        else msix.table.write(each.offset, each.size, each.value % 2 ** (8 * each.size), 0);
        for (const [vector, { message, isPending }] of interrupts.entries()) {
          const flags = space.read(control, 2) & (Control.Enable | Control.MaskAll);
          const isOpen = flags === Control.Enable && msix.table.read(16 * vector + 12, 4, 0) === 0;
          expect(message !== undefined).toBe(isOpen);
          if (message !== undefined) expect(message.data).toBe(msix.table.read(16 * vector + 8, 4, 0));
          expect((msix.pending.read(0, 1, 0) >>> vector) & 1).toBe(Number(isPending));
        }
      }
      const restored = make();
      restored.space.load(JSON.parse(JSON.stringify(space.save())));
      restored.msix.load(JSON.parse(JSON.stringify(msix.save())));
      expect(restored.msix.save()).toEqual(msix.save());
      expect(restored.interrupts.map(({ message }) => message)).toEqual(interrupts.map(({ message }) => message));
    }),
    { numRuns: 200 },
  );
});

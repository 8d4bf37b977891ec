import { type Exit, ExitReason, KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExitFilter } from './exit-filter.js';

const io = (port: number, size = 1) => ({ reason: ExitReason.Io, io: { port, size } }) as unknown as Exit;
const mmio = (address: number, len = 4) => ({ reason: ExitReason.Mmio, mmio: { address, len } }) as unknown as Exit;
const hlt = { reason: ExitReason.Hlt } as Exit;

test.each<[string, Exit[], Exit[]]>([
  ['all', [io(0), mmio(0), hlt], []],
  ['io', [io(0), io(0xffff)], [mmio(0), hlt]],
  ['KVM_EXIT_HLT,mmio', [hlt, mmio(2 ** 40)], [io(0)]],
  ['io:0x3f8', [io(0x3f8), io(0x3f7, 2)], [io(0x3f7), io(0x3f9)]],
  ['io:0x3f8-0x3ff', [io(0x3ff)], [io(0x400), io(0x3f7), mmio(0x3f8)]],
  ['io, mmio:0xd0000000-0xd0000fff', [io(1), mmio(0xcfff_fffd), mmio(0xd000_0fff)], [mmio(0xd000_1000), hlt]],
  ['all,-io:0x3f8-0x3ff', [io(0x80), hlt, mmio(0x3f8)], [io(0x3f8)]],
  ['io,-io:1-9,io:5', [io(5), io(0)], [io(4), io(6)]],
  ['-io', [], [io(0), hlt]],
])('%s takes the exits that it names', (text, taken, others) => {
  const filter = new ExitFilter(text);
  expect(taken.map((exit) => filter.takes(exit))).toEqual(taken.map(() => true));
  expect(others.map((exit) => filter.takes(exit))).toEqual(others.map(() => false));
});

test.each([
  ['', '"" names no exits'],
  ['io,', '"" names no exits'],
  ['iO:', '"iO:" names no exits'],
  ['guest.bin', '"guest.bin" names no exits'],
  ['mimo', 'there are no exits named mimo (did you mean mmio?)'],
  ['hlt:0x10', 'only io and mmio have addresses, not hlt'],
  ['io:port', '"port" is no port or address'],
  ['io:9-1', 'io:9-1 ends before it begins'],
  ['mmio:0xffffffffffffffffff', 'is no port or address'],
])('%j is refused', (text, message) => {
  expect(() => new ExitFilter(text)).toThrow(KvmError);
  expect(() => new ExitFilter(text)).toThrow(message);
});

test('any text is a filter or is refused by a KvmError', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[-a-z:0-9x,]{0,24}$/));
  fc.assert(
    fc.property(text, (each) => {
      try {
        expect(new ExitFilter(each).takes(hlt)).toBeTypeOf('boolean');
      } catch (error) {
        expect(error).toBeInstanceOf(KvmError);
      }
    }),
  );
});

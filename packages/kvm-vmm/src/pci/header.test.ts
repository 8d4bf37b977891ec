import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { TestFunction } from '../../test/pci-function.js';
import { ConfigRegister } from './config-space.js';

const capability = (id: number, size: number) => ({
  id,
  size,
  registers: (at: number) => [new ConfigRegister({ name: `own ${id}`, offset: at + 2, size: 1, value: 0x80 | id })],
});

test('the capabilities are a list after the header', () => {
  const { space } = new TestFunction('f', [], [capability(9, 17), capability(0x11, 12)]).header;
  expect(space.read(6, 2)).toBe(0x10);
  expect(space.read(0x34, 1)).toBe(0x40);
  expect([space.read(0x40, 4), space.read(0x54, 4)]).toEqual([0x0089_5409, 0x0091_0011]);
  expect(new TestFunction('f', []).header.space.read(0x34, 1)).toBe(0);
});

test('the pin is what the function wants, unless the guest has disabled it', () => {
  const { header, levels } = new TestFunction('f', []);
  header.interrupts = true;
  expect([header.space.read(6, 2) & 8, header.space.read(0x3d, 1)]).toEqual([8, 1]);
  header.space.write(4, 2, 0x400);
  header.space.write(5, 1, 0);
  header.interrupts = false;
  expect(levels).toEqual([true, false, true, false]);
  expect(header.space.read(6, 2) & 8).toBe(0);
});

test('what is fixed or reserved cannot be written', () => {
  const { space } = new TestFunction('f', []).header;
  const before = Array.from({ length: 64 }, (_, i) => space.read(4 * i, 4));
  for (let offset = 0; offset < 256; offset += 4) space.write(offset, 4, 0xffff_ffff);
  const changed = Array.from({ length: 64 }, (_, i) => space.read(4 * i, 4)).flatMap((value, i) =>
    value === before[i] ? [] : [[4 * i, value]],
  );
  expect(changed).toEqual([
    [4, 0x0000_0406],
    [0x3c, 0x0000_01ff],
  ]);
});

test.each([
  ['no object', 5],
  ['a register too few', { command: 0 }],
  ['a register too many', { command: 0, interruptLine: 0, bar0: 0, more: 0 }],
  ['a bit that is fixed', { command: 1, interruptLine: 0, bar0: 0 }],
  ['a BAR that is not aligned', { command: 0, interruptLine: 0, bar0: 0x800 }],
  ['a wide number', { command: 0, interruptLine: 0x100, bar0: 0 }],
])('a state with %s is refused, and changes nothing', (_, state) => {
  const each = new TestFunction('f', [{ index: 0, size: 0x1000 }]);
  each.header.space.write(4, 2, 2);
  const before = each.save();
  expect(() => each.load({ version: 1, config: state as never })).toThrow(KvmError);
  expect(each.save()).toEqual(before);
});

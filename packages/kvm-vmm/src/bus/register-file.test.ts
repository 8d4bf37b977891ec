import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RegisterFile } from './register-file.js';
import type { AccessSize } from './registers.js';

/** Four bytes, a word and a double word that hold what is written, and records the writes. */
function file() {
  const values = [0x11, 0x22, 0x3344, 0x5566_7788];
  const writes: [string, number, number][] = [];
  const register = (name: string, index: number, offset: number, size: AccessSize) => ({
    name,
    offset,
    size,
    read: () => values[index] as number,
    write: (value: number, mask: number) => {
      writes.push([name, value, mask]);
      values[index] = (((values[index] as number) & ~mask) | value) >>> 0;
    },
  });
  const registers = new RegisterFile(
    [register('a', 0, 0, 1), register('b', 1, 1, 1), register('word', 2, 2, 2), register('double', 3, 4, 4)],
    [{ name: 'constant', offset: 0, size: 1, read: () => 0xa5 }],
  );
  return { registers, writes };
}

test('an access of several registers is split, the lowest offset first', () => {
  const { registers, writes } = file();
  expect(registers.read(0, 4)).toBe(0x3344_2211);
  registers.write(0, 4, 0xdead_beef);
  expect(writes).toEqual([
    ['a', 0xef, 0xff],
    ['b', 0xbe, 0xff],
    ['word', 0xdead, 0xffff],
  ]);
});

test('an access of a part of a register reads that part, and writes it with a mask', () => {
  const { registers, writes } = file();
  expect([registers.read(3, 1), registers.read(5, 2), registers.read(7, 1)]).toEqual([0x33, 0x6677, 0x55]);
  registers.write(3, 2, 0xabcd);
  expect(writes).toEqual([
    ['word', 0xcd00, 0xff00],
    ['double', 0xab, 0xff],
  ]);
  expect(registers.read(4, 4)).toBe(0x5566_77ab);
});

test('reads of no register, or of a write-only one, are all ones; such writes are ignored', () => {
  const { registers } = file();
  expect([registers.read(8, 4), registers.read(0, 4, 1)]).toEqual([0xffff_ffff, 0xffff_ffa5]);
  registers.write(0, 1, 0, 1);
  expect(registers.read(0, 1, 1)).toBe(0xa5);
  const writeOnly = new RegisterFile([{ name: 'command', offset: 0, size: 2, write: () => {} }]);
  expect(writeOnly.read(0, 2)).toBe(0xffff);
});

test('a read-only and a write-only register may share an offset', () => {
  const written: number[] = [];
  const registers = new RegisterFile([
    { name: 'status', offset: 0, size: 1, read: () => 7 },
    { name: 'command', offset: 0, size: 1, write: (value) => written.push(value) },
  ]);
  registers.write(0, 1, 9);
  expect([registers.read(0, 1), ...written]).toEqual([7, 9]);
});

test('a whole register answers only its own offset and size', () => {
  let address = 0;
  const registers = new RegisterFile([
    { name: 'address', offset: 0, size: 4, whole: true, read: () => address, write: (value) => (address = value) },
    { name: 'byte', offset: 1, size: 1, read: () => 0x42 },
  ]);
  registers.write(0, 2, 0x1111);
  registers.write(0, 4, 0x8000_0000);
  expect([registers.read(0, 4), registers.read(0, 2), registers.read(1, 1)]).toEqual([0x8000_0000, 0x42ff, 0x42]);
});

test.each([
  ['no array', 5],
  ['no register', [null]],
  ['a negative offset', [{ name: 'a', offset: -1, size: 1, read: () => 0 }]],
  ['a size of three bytes', [{ name: 'a', offset: 0, size: 3, read: () => 0 }]],
  ['no function', [{ name: 'a', offset: 0, size: 1, read: 5 }]],
  [
    'an overlap',
    [
      { name: 'a', offset: 0, size: 2, read: () => 0 },
      { name: 'b', offset: 1, size: 1, read: () => 0 },
    ],
  ],
])('a table with %s is refused', (_, registers) => {
  expect(() => new RegisterFile(registers as never)).toThrow(KvmError);
});

test('bytes of memory behind registers of any size are the bytes written last', () => {
  const access = fc.record({ at: fc.nat(8), size: fc.constantFrom<AccessSize>(1, 2, 4), value: fc.nat(0xffff_ffff) });
  fc.assert(
    fc.property(fc.array(access), (accesses) => {
      const { registers } = file();
      const bytes = [0x11, 0x22, 0x44, 0x33, 0x88, 0x77, 0x66, 0x55];
      for (const { at, size, value } of accesses) {
        registers.write(at, size, size === 4 ? value : value % 2 ** (8 * size));
        for (let i = 0; i < size && at + i < 8; i++) bytes[at + i] = (value >>> (8 * i)) & 0xff;
        expect(Array.from(bytes, (_, i) => registers.read(i, 1))).toEqual(bytes);
      }
    }),
  );
});

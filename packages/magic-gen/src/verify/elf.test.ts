import { describe, expect, it } from 'vitest';
import { readObject } from './elf.js';

/** An object file with one section, as a compiler for such a target would write it. */
function object(wide: boolean, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  const address = (at: number, value: number): void => {
    if (wide) view.setBigUint64(at, BigInt(value), littleEndian);
    else view.setUint32(at, value, littleEndian);
  };
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, wide ? 2 : 1);
  view.setUint8(5, littleEndian ? 1 : 2);
  const entry = wide ? 64 : 40;
  address(wide ? 0x28 : 0x20, 128);
  view.setUint16(wide ? 0x3a : 0x2e, entry, littleEndian);
  view.setUint16(wide ? 0x3c : 0x30, 3, littleEndian);
  view.setUint16(wide ? 0x3e : 0x32, 2, littleEndian);
  const section = (index: number, name: number, offset: number, size: number): void => {
    const at = 128 + index * entry;
    view.setUint32(at, name, littleEndian);
    address(at + (wide ? 0x18 : 0x10), offset);
    address(at + (wide ? 0x20 : 0x14), size);
  };
  section(1, 1, 400, 8);
  section(2, 0, 420, 20);
  bytes.set(Buffer.from('\0.magic.numbers\0'), 420);
  view.setBigUint64(400, 0x0102030405060708n, littleEndian);
  return bytes;
}

describe('an object file', () => {
  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('is read where wide is %s and little-endian is %s', (wide, littleEndian) => {
    const { sections, ...rest } = readObject(object(wide, littleEndian));
    expect(rest.littleEndian).toBe(littleEndian);
    expect(sections.get('.magic.numbers')?.getBigUint64(0, littleEndian)).toBe(0x0102030405060708n);
  });

  it('is told apart from other data', () => {
    expect(() => readObject(new Uint8Array(100))).toThrow('the compiler wrote no ELF object');
  });
});

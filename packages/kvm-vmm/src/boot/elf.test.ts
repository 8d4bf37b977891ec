import { expect, test } from 'vitest';
import { elfImage } from '../../test/boot-images.js';
import { bytesSource } from './byte-source.js';
import { parseElf } from './elf.js';
import { findNote } from './elf-note.js';

function patched(change: (image: Buffer) => void, bits: 32 | 64 = 64): ReturnType<typeof bytesSource> {
  const image = elfImage({ bits, pvh: 5n });
  change(image);
  return bytesSource(image);
}

test('both classes are read', () => {
  for (const bits of [32, 64] as const) {
    const elf = parseElf(bytesSource(elfImage({ bits, machine: 62, entry: 0x1234_5678n })));
    expect(elf).toMatchObject({ bits, machine: 62, entry: 0x1234_5678n });
    expect(elf.headers).toMatchObject([{ type: 1, paddr: 0x100_0000n, filesz: 0x100n, memsz: 0x100n }]);
  }
});

test.each<[string, (image: Buffer) => void, string]>([
  ['another format', (image) => image.fill(0, 0, 4), 'the kernel is not an ELF file'],
  ['a third class', (image) => image.writeUInt8(3, 4), 'class 3, neither 32 nor 64 bits'],
  [
    'a big-endian file',
    (image) => image.writeUInt8(2, 5) && image.writeUInt16BE(22, 18),
    'the kernel is for s390, big-endian',
  ],
  ['no program headers', (image) => image.writeUInt16LE(0, 56), 'has no program headers'],
  ['too many program headers', (image) => image.writeUInt16LE(0xffff, 56), 'has 65535 program headers'],
  ['program headers of another size', (image) => image.writeUInt16LE(55, 54), 'program headers of 55 bytes'],
  ['program headers after the end', (image) => image.writeBigUInt64LE(2n ** 64n - 1n, 32), 'the kernel is truncated'],
])('%s is refused', (_, change, message) => {
  expect(() => parseElf(patched(change))).toThrow(message);
});

test('a file that ends in its header is refused', () => {
  for (const length of [4, 51, 63]) {
    expect(() => parseElf(bytesSource(elfImage().subarray(0, length)))).toThrow('it ends in its ELF header');
  }
});

test('a note is found by owner and type', () => {
  const source = patched(() => {});
  const elf = parseElf(source);
  expect(findNote(source, elf, 'Xen', 18)).toEqual(Buffer.from('0500000000000000', 'hex'));
  expect(findNote(source, elf, 'GNU', 18)?.readBigUInt64LE()).toBe(1n);
  expect(findNote(source, elf, 'Xen', 17)).toBeUndefined();
});

test('damaged notes are not found, and those outside the file are refused', () => {
  const notes = parseElf(patched(() => {})).headers[1]?.offset;
  for (const value of [0xffff_ffff, 0x7fff_fff0, 100]) {
    for (const field of [0, 4]) {
      const source = patched((image) => image.writeUInt32LE(value, Number(notes) + field));
      expect(findNote(source, parseElf(source), 'Xen', 18)).toBeUndefined();
    }
  }
  const outside = patched((image) => image.writeBigUInt64LE(2n ** 63n, 64 + 56 + 8));
  expect(() => findNote(outside, parseElf(outside), 'Xen', 18)).toThrow('it ends in its notes');
});

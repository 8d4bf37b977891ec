import zlib, { gzipSync } from 'node:zlib';
import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesSource } from './byte-source.js';
import { unpackLz4 } from './lz4.js';
import { isPacked, unpack } from './unpack.js';

const content = Buffer.from('a kernel, a kernel, a kernel, a kernel!');
function lz4Frame(...blocks: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    Buffer.from('02214c18', 'hex'),
    ...blocks.flatMap((block) => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(block.length);
      return [size, block];
    }),
  ]);
}

/** Literals, a match that overlaps itself, and a last literal. */
const block = Buffer.concat([
  Buffer.from([0xaf]),
  content.subarray(0, 10),
  Buffer.from([10, 0, 28 - 15 - 4]),
  Buffer.from([0x10, 0x21]),
]);

function whole(packed: Uint8Array, limit = 2 ** 20): Uint8Array {
  return unpack(bytesSource(packed), { offset: 0, size: packed.length, limit, isPayload: false });
}

test('gzip is unpacked, within a limit', () => {
  const packed = gzipSync(content);
  expect(isPacked(packed)).toBe(true);
  expect(Buffer.from(whole(packed))).toEqual(content);
  expect(() => whole(gzipSync(Buffer.alloc(2 ** 20 + 1)))).toThrow("larger than the guest's memory of 1048576 bytes");
  expect(() => whole(packed.subarray(0, -12))).toThrow("the kernel's gzip data is damaged");
  expect(() => whole(packed, packed.length - 1)).toThrow('larger than');
});

test('zstd is unpacked by a Node that can, and another says which one can', () => {
  // `zstd --no-check` of the content.
  const packed = Buffer.from('28b52ffd00588d00005861206b65726e656c2c20210100650a12', 'hex');
  expect(isPacked(packed)).toBe(true);
  if ('zstdDecompressSync' in zlib) {
    expect(Buffer.from(whole(packed))).toEqual(content);
    expect(() => whole(packed, 38)).toThrow("larger than the guest's memory of 38 bytes");
    expect(() => whole(packed.subarray(0, -3))).toThrow("the kernel's zstd data is damaged");
  } else {
    expect(() => whole(packed)).toThrow('zstd, which needs Node 22.15');
  }
});

test('LZ4 is unpacked block by block', () => {
  expect(Buffer.from(whole(lz4Frame(block, block)))).toEqual(Buffer.concat([content, content]));
  // `lz4 -l` of the content.
  const packed = '02214c1814000000af61206b65726e656c2c200a000550726e656c21';
  expect(Buffer.from(whole(Buffer.from(packed, 'hex')))).toEqual(content);
  // Frames may follow each other.
  expect(Buffer.from(whole(Buffer.concat([lz4Frame(block), lz4Frame(block)]))).length).toBe(2 * content.length);
  // Lengths of 15 and more go on in further bytes.
  const long = Buffer.concat([Buffer.from([0xf0, 255, 30]), Buffer.alloc(300, 7)]);
  expect(Buffer.from(whole(lz4Frame(long)))).toEqual(Buffer.alloc(300, 7));
});

test.each([
  ['a block that is longer than the file', lz4Frame(block).subarray(0, -1), 'the LZ4 data is truncated'],
  ['literals beyond the block', lz4Frame(Buffer.from([0x20, 1])), 'a block ends too early'],
  ['a length that does not end', lz4Frame(Buffer.from([0xf0, 255])), 'a block ends too early'],
  ['half a distance', lz4Frame(Buffer.from([0x10, 1, 1])), 'a block ends too early'],
  ['a distance of zero', lz4Frame(Buffer.from([0x10, 1, 0, 0])), 'refers to bytes before a block'],
  ['a distance before the block', lz4Frame(block, Buffer.from([0x10, 1, 2, 0])), 'refers to bytes before a block'],
])('LZ4: %s is refused', (_, packed, message) => {
  expect(() => whole(packed)).toThrow(message);
});

test('LZ4 stays within its limits', () => {
  const bomb = Buffer.concat([Buffer.from([0x1f, 1, 1, 0]), Buffer.alloc(40_000, 255), Buffer.from([0])]);
  expect(() => unpackLz4(lz4Frame(bomb), 2 ** 31)).toThrow('a block is longer than 8 MiB');
  expect(() => whole(lz4Frame(bomb))).toThrow("larger than the guest's memory");
  expect(() => whole(lz4Frame(block, block), 77)).toThrow("larger than the guest's memory");
  expect(whole(lz4Frame(block, block), 78)).toHaveLength(78);
});

test('the payload of a bzImage is followed by its size, except with gzip', () => {
  const payload = (packed: Uint8Array): Uint8Array =>
    unpack(bytesSource(packed), { offset: 0, size: packed.length, limit: 2 ** 20, isPayload: true });
  expect(Buffer.from(payload(Buffer.concat([lz4Frame(block), Buffer.from([39, 0, 0, 0])])))).toEqual(content);
  expect(Buffer.from(payload(gzipSync(content)))).toEqual(content);
});

test.each([
  ['XZ', 'fd377a585a000004'],
  ['bzip2', '425a683931415926'],
  ['LZMA', '5d00000004ffffff'],
  ['LZO', '894c5a4f000d0a1a'],
])('%s is named', (name, magic) => {
  expect(() => whole(Buffer.from(magic, 'hex'))).toThrow(`compressed with ${name}; gzip, zstd and LZ4 can be unpacked`);
});

test('any bytes after a magic number unpack, or are refused', () => {
  const magic = fc.constantFrom('1f8b0800', '28b52ffd', '02214c18', '02214c1808000000', 'fd377a585a00', '00000000');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 200 }), fc.boolean(), (start, rest, isPayload) => {
      const packed = Buffer.concat([Buffer.from(start, 'hex'), rest]);
      try {
        const bytes = unpack(bytesSource(packed), { offset: 0, size: packed.length, limit: 4096, isPayload });
        expect(bytes.length).toBeLessThanOrEqual(4096);
      } catch (error) {
        expect(error).toBeInstanceOf(KvmError);
      }
    }),
  );
});

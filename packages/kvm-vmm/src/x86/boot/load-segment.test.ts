import { expect, test } from 'vitest';
import { bytesSource } from '../../boot/byte-source.js';
import { loadSegment } from './load-segment.js';

const GiB = 2 ** 30;

/** Memory of which only a part is there, in windows of 8 bytes. It begins at an offset. */
function windows(size: number, begin: number): { size: number; windowSize: number; bytes: never; content: Uint8Array } {
  const content = new Uint8Array(32);
  const bytes = (offset: number, length: number): Uint8Array => {
    if ((offset % 8) + length > 8) throw new Error(`${length} bytes at ${offset} lie in two windows`);
    return content.subarray(offset - begin, offset - begin + length);
  };
  return { size, windowSize: 8, bytes: bytes as never, content };
}

const source = bytesSource(Uint8Array.from({ length: 24 }, (_, i) => i));

test('a segment is read across windows', () => {
  const memory = windows(64, 0);
  loadSegment(memory, { name: 'it', addr: 5n, size: 20, room: 20n, source, offset: 2 });
  expect([...memory.content.subarray(4, 26)]).toEqual([0, ...Array.from({ length: 20 }, (_, i) => i + 2), 0]);
});

test('memory from 4 GiB on comes after the first 3 GiB', () => {
  const memory = windows(3 * GiB + 32, 3 * GiB);
  loadSegment(memory, { name: 'it', addr: 0x1_0000_0004n, size: 6, room: 6n, source, offset: 1 });
  expect([...memory.content.subarray(3, 11)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
});

test('a segment outside memory is refused', () => {
  const outside = { name: 'it', addr: 0xbfff_ffffn, size: 6, room: 6n, source, offset: 1 };
  expect(() => loadSegment(windows(6 * GiB, 0), outside)).toThrow("it is not all in the guest's memory");
});

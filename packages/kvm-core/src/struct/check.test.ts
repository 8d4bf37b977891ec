import { expect, test } from 'vitest';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import { list } from './check.js';

interface ResizableBuffer {
  resize(size: number): void;
}

test('a list is an array, or what has a length and elements', () => {
  expect(list([1, 2], 'numbers')).toEqual([1, 2]);
  expect(list(Uint8Array.of(3), 'numbers')).toEqual([3]);
  expect(list({ length: 1, 0: 4 }, 'numbers')).toEqual([4]);
  for (const wrong of [null, 1, {}, { length: -1 }, { length: 2 ** 40 }, new DataView(new ArrayBuffer(8))]) {
    expect(() => list(wrong as never, 'numbers')).toThrow(/numbers/);
  }
});

test('a list whose buffer was transferred away, or made too short, is refused', () => {
  // TypeScript knows them from ES2024 on.
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer & ResizableBuffer;
  const buffer = new Resizable(64, { maxByteLength: 64 });
  const short = new Uint8Array(buffer, 8, 16);
  buffer.resize(10);
  for (const gone of [detached(Uint32Array.of(1)), short]) {
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => list(gone, 'numbers')).message).toContain('was transferred away');
  }
});

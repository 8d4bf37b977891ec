import { expect, test } from 'vitest';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import { list } from './check.js';

test('a list is an array, or what has a length and elements', () => {
  expect(list([1, 2], 'numbers')).toEqual([1, 2]);
  expect(list(Uint8Array.of(3), 'numbers')).toEqual([3]);
  expect(list({ length: 1, 0: 4 }, 'numbers')).toEqual([4]);
  for (const wrong of [null, 1, {}, { length: -1 }, { length: 2 ** 40 }, new DataView(new ArrayBuffer(8))]) {
    expect(() => list(wrong as never, 'numbers')).toThrow(/numbers/);
  }
});

test('a list whose buffer was transferred away is refused', () => {
  const gone = detached(Uint32Array.of(1));
  expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => list(gone, 'numbers')).message).toContain('was transferred away');
});

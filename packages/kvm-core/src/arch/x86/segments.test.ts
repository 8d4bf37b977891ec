import { expect, test } from 'vitest';
import { code32, code64, data, descriptor, descriptorTable, realCode } from './segments.js';

test('the flat segments have the usual descriptors', () => {
  expect(descriptor(code32)).toBe(0x00cf_9b00_0000_ffffn);
  expect(descriptor(code64)).toBe(0x00af_9b00_0000_ffffn);
  expect(descriptor(data)).toBe(0x00cf_9300_0000_ffffn);
});

test('a descriptor has the parts of base and limit in the right places', () => {
  expect(descriptor({ ...realCode, base: 0x1234_5678n, limit: 0xa_bcde })).toBe(0x120a_9b34_5678_bcden);
});

test('a descriptor table begins with the null descriptor', () => {
  const table = descriptorTable(code32, data);
  expect(table).toHaveLength(24);
  expect(new BigUint64Array(table.buffer)).toEqual(new BigUint64Array([0n, descriptor(code32), descriptor(data)]));
});

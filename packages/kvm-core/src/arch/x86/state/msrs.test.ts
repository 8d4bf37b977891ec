import { expect, test } from 'vitest';
import { KvmMsrEntry } from '../../../abi/x86/index.js';
import { settable } from './msrs.js';

test('the MSRs of hypervisors are not set in a Xen guest, because one of them writes guest memory', () => {
  const all = [0x10, 0x4000_0000, 0x4000_0fff, 0x4b56_4d01].map((index) => KvmMsrEntry.from({ index }));
  const indices = (isXen: boolean) => settable(all, isXen).map(({ index }) => index);
  expect(indices(false)).toEqual([0x10, 0x4000_0000, 0x4000_0fff, 0x4b56_4d01]);
  expect(indices(true)).toEqual([0x10, 0x4b56_4d01]);
});

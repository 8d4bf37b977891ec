import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDisk } from './disk.js';

test.each([
  ['a.img', { path: 'a.img' }],
  ['a.img,ro', { path: 'a.img', readOnly: true }],
  ['base.img,overlay', { path: 'base.img', overlay: true }],
  ['base.img,overlay=x=y,serial=root', { path: 'base.img', overlay: 'x=y', serial: 'root' }],
  ['a,b.img,ro', { path: 'a,b.img', readOnly: true }],
  ['a.img,what', { path: 'a.img,what' }],
  ['ro', { path: 'ro' }],
])('the disk %s', (text, disk) => expect(parseDisk(text)).toEqual([disk]));

test('disks are collected in their order', () => {
  expect(parseDisk('b', parseDisk('a'))).toEqual([{ path: 'a' }, { path: 'b' }]);
});

test.each(['', ',ro', ',overlay=x'])('a disk without a path is refused: %j', (text) => {
  expect(() => parseDisk(text)).toThrow(/A disk is an image or a block device/);
});

test('any text is a disk, or is refused with what is valid', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseDisk(text)[0]?.path).not.toBe('');
      } catch (error) {
        expect(String(error)).toContain('A disk is');
      }
    }),
  );
});

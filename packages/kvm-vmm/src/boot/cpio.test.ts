import { expect, test } from 'vitest';
import { cpio, folder, regularFile } from './cpio.js';

test('an initramfs has the format that the kernel reads', () => {
  const archive = Buffer.from(
    cpio([
      { path: 'bin', mode: folder },
      { path: 'bin/x', mode: regularFile, data: Buffer.from('12345') },
    ]),
  );
  const text = archive.toString('latin1');
  expect(archive.length % 4).toBe(0);
  expect(text.match(/070701/g)).toHaveLength(3);
  expect(text.slice(0, 14)).toBe('07070100000001');
  // Name and data are each padded to a multiple of four.
  expect(text.indexOf('12345') % 4).toBe(0);
  expect(text.slice(0, text.indexOf('12345')).endsWith('bin/x\0')).toBe(true);
  expect(text.endsWith('TRAILER!!!\0\0\0\0')).toBe(true);
});

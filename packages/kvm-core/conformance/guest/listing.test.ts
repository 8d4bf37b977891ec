import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeUnless } from '../../test/backends.js';
import { code16 } from './listing.js';

const noAssembler =
  process.arch === 'x64'
    ? spawnSync('as', ['--version']).error?.message
    : `the assembler of ${process.arch} is not x86's`;

test('a listing returns its bytes', () => {
  expect(code16`
    e6 10  ; out 0x10, al
    f4     ; hlt
  `).toEqual(Uint8Array.of(0xe6, 0x10, 0xf4));
  expect(() => code16`zz`).toThrow('"zz"');
});

describeUnless(noAssembler, 'every listing', () => {
  test('has the bytes of its instructions', () => {
    const { status, stderr } = spawnSync(process.execPath, [`${import.meta.dirname}/assemble.mjs`, '--check'], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readMachine } from './read-machine.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-document-'));
const path = join(folder, 'machine.json');
afterAll(() => rmSync(folder, { recursive: true }));

test('relative paths are relative to the folder of the file', () => {
  const boot = { type: 'linux', kernel: 'vmlinuz', initrd: '/boot/initrd', cmdline: 'quiet' };
  const devices = [{ module: './latch.js', data: { kernel: 'as it is' } }, { module: 'node:fs' }];
  writeFileSync(path, JSON.stringify({ boot, memoryFile: '../ram', kvm: { path: '/dev/kvm' }, devices }));
  expect(readMachine(path)).toEqual({
    boot: { ...boot, kernel: join(folder, 'vmlinuz') },
    memoryFile: join(folder, '..', 'ram'),
    kvm: { path: '/dev/kvm' },
    devices: [{ module: `file://${folder}/latch.js`, data: { kernel: 'as it is' } }, { module: 'node:fs' }],
  });
});

test.each([
  ['no JSON', '{', /machine\.json: /],
  ['a list', '[]', /machine\.json: the machine must be an object, not an array/],
  ['an empty file', '', /machine\.json: Unexpected end/],
])('%s is refused', (_, text, message) => {
  writeFileSync(path, text);
  expect(() => readMachine(path)).toThrow(KvmError);
  expect(() => readMachine(path)).toThrow(message);
});

test('a file that is not there is refused by its name', () => {
  expect(() => readMachine(join(folder, 'none.json'))).toThrow(/none\.json: ENOENT/);
});

test('any JSON without paths is read as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      writeFileSync(path, JSON.stringify({ kvm: value }));
      expect(readMachine(path)).toEqual(JSON.parse(JSON.stringify({ kvm: value })));
    }),
  );
});

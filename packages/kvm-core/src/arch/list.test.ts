import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { entryFor, machines } from './list.js';

const names = Object.keys(machines).sort();

test('every listed architecture has its folders, and no other exists but what all share', () => {
  const folders = (path: string): string[] => {
    const entries = readdirSync(new URL(path, import.meta.url), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  };
  expect(
    folders('./')
      .filter((name) => name !== 'common')
      .sort(),
  ).toEqual(names);
  expect(folders('../abi/').sort()).toEqual([...names, 'generic'].sort());
});

test('every listed architecture has its entries in package.json', () => {
  const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const expected = names.flatMap((name) => [`./${name}`, `./abi/${name}`]);
  expect(Object.keys(exports).sort()).toEqual(
    [...expected, '.', './abi', './backend', './package.json', './struct', './worker'].sort(),
  );
  expect(exports['./x86']).toEqual(exports['.']);
  expect(exports['./abi/x86']).toEqual(exports['./abi']);
});

test('entryFor returns the package entry of a machine', () => {
  expect([entryFor('x64'), entryFor('riscv64'), entryFor('ia32')]).toEqual(['@kvm/core', '@kvm/core/riscv', undefined]);
});

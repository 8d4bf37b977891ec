import { expect, test } from 'vitest';
import { compareVersions, readPackages } from './packages.js';

test('versions are sorted as by dpkg', () => {
  const sorted = ['1.0~rc1', '1.0', '1.0-1', '1.0-1+b1', '1.0a', '1.0+x', '1.2', '1.10', '1:0.1'];
  expect(sorted.toReversed().toSorted(compareVersions)).toEqual(sorted);
  expect(compareVersions('6.12.118-1', '6.12.118-1')).toBe(0);
  expect(compareVersions('5.10.0-9', '5.10.0-46')).toBe(-1);
  expect(compareVersions('1.01', '1.1')).toBe(0);
});

test('the paragraphs of a suite are packages; one without a checksum is left out', () => {
  const text =
    'Package: a\nVersion: 1\nDepends: b, c | d\nSHA256: 12\n\n' +
    'Package: e\nVersion: 2\n\n' +
    'Package: f\nVersion: 3\nSHA256: 34\n';
  expect(readPackages(text)).toEqual([
    { name: 'a', version: '1', depends: 'b, c | d', sha256: '12' },
    { name: 'f', version: '3', depends: '', sha256: '34' },
  ]);
});

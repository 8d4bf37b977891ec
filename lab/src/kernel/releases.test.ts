import { expect, test } from 'vitest';
import { chooseRelease, findReleases, newestOfLines } from './releases.js';

const sha256 = '00';
function packageOf(name: string, version: string, depends = '') {
  return { name, version, depends, sha256 };
}

const found = findReleases(
  'suite',
  [
    packageOf('linux-image-amd64', '6.12.118-1', 'linux-image-6.12.118+deb13-amd64 (= 6.12.118-1)'),
    packageOf('linux-image-6.1-amd64', '6.1.9-1'),
    packageOf('linux-image-5.10.0-46-amd64', '5.10.262-1', 'kmod, linux-base (>= 4.3~)'),
    packageOf('linux-image-5.10.0-9-amd64', '5.10.70-1'),
    packageOf('linux-image-6.12.9+deb13-amd64', '6.12.9-1'),
    packageOf('linux-image-6.12.118+deb13-amd64', '6.12.118-1'),
    packageOf('linux-image-6.12.118+deb13-cloud-amd64', '6.12.118-1'),
    packageOf('linux-image-6.12.118+deb13-amd64-unsigned', '6.12.118-1'),
    packageOf('linux-image-6.18.9+deb13-amd64', '6.18.9-1~bpo13+1', 'linux-base-6.18.9+deb13-amd64 (= 1)'),
    packageOf(
      'linux-image-7.1.8+deb13-amd64',
      '7.1.8-1',
      'linux-binary-7.1.8+deb13-amd64, linux-modules-7.1.8+deb13-amd64',
    ),
    packageOf(
      'linux-image-7.3.4+deb13-amd64',
      '7.3.4-1',
      'linux-binary-7.3.4+deb13-amd64, linux-modules-7.3.4+deb13-amd64',
    ),
    packageOf('linux-binary-7.1.8+deb13-amd64', '7.1.8-1'),
    packageOf('linux-binary-7.3.4+deb13-amd64', '7.3.4-1'),
    packageOf('linux-modules-7.3.4+deb13-amd64', '7.3.4-1'),
  ],
  'amd64',
);

test('generic kernels are found if they are complete', () => {
  const versions = ['5.10.262', '5.10.70', '6.12.9', '6.12.118', '6.18.9', '7.3.4'];
  expect(found.map(({ version }) => version)).toEqual(versions);
  expect(found.at(-1)?.packages.map(({ name }) => name.split('-', 2).join('-'))).toEqual([
    'linux-image',
    'linux-binary',
    'linux-modules',
  ]);
});

test('a line selects its newest kernel, and newest selects that of the newest line', () => {
  expect(newestOfLines(found).map(({ version }) => version)).toEqual(['5.10.262', '6.12.118', '6.18.9', '7.3.4']);
  expect(chooseRelease('6.12', found, 'x86').version).toBe('6.12.118');
  expect(chooseRelease('6.12.9', found, 'x86').version).toBe('6.12.9');
  expect(chooseRelease('newest', found, 'x86').version).toBe('7.3.4');
});

test('an error for an unknown kernel names it and the available ones', () => {
  const none = 'there is no kernel 6.1 for x86: Debian has 5.10, 6.12, 6.18, 7.3';
  expect(() => chooseRelease('6.1', found, 'x86')).toThrow(none);
  expect(() => chooseRelease('newest', [], 'x86')).toThrow('there is no kernel newest for x86: Debian has none');
});

import { expect, test } from 'vitest';
import { chooseArchives } from './archives.js';

const listed = [
  'mirror:/others/ stable',
  'mirror:/debian/ bookworm',
  'mirror:/debian/ bookworm-updates',
  'mirror:/node/ nodistro',
  'mirror:/security/ bookworm-security',
  '',
].join('\n');

test('a suite is searched in the archives of the system first, then in others of its kind', () => {
  expect(chooseArchives('trixie', listed, 'bookworm')).toEqual(['mirror:/debian/', 'mirror:/others/']);
  expect(chooseArchives('stable', listed, 'bookworm')).toEqual(['mirror:/others/', 'mirror:/debian/']);
});

test('security suites have archives of their own', () => {
  expect(chooseArchives('trixie-security', listed, 'bookworm')).toEqual(['mirror:/security/']);
  expect(chooseArchives('trixie-security', 'mirror:/debian/ trixie\n', 'trixie')).toEqual([]);
});

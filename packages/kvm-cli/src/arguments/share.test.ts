import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseShare } from './share.js';

test.each([
  ['dir', { path: 'dir' }],
  ['/srv/dir:tag', { path: '/srv/dir', tag: 'tag' }],
  ['dir:tag,rw', { path: 'dir', tag: 'tag', readOnly: false }],
  ['.,ro', { path: '.', readOnly: true }],
  ['dir,rw,cache=always,squash', { path: 'dir', readOnly: false, cache: 'always', ids: 'squash' }],
  ['a,b:tag,cache=none', { path: 'a,b', tag: 'tag', cache: 'none' }],
  ['a:b/c', { path: 'a:b/c' }],
  ['a:b:c', { path: 'a:b', tag: 'c' }],
  ['dir,cache=never', { path: 'dir,cache=never' }],
])('the share %s', (text, share) => expect(parseShare(text)).toEqual([share]));

test('shares are collected in their order', () => {
  expect(parseShare('b', parseShare('a'))).toEqual([{ path: 'a' }, { path: 'b' }]);
});

test.each(['', ',rw', ',cache=auto,squash'])('a share without a path is refused: %j', (text) => {
  expect(() => parseShare(text)).toThrow(/A share is a folder/);
});

test('any text is a share, or is refused with what is valid', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseShare(text)[0]?.path).not.toBe('');
      } catch (error) {
        expect(String(error)).toContain('A share is');
      }
    }),
  );
});

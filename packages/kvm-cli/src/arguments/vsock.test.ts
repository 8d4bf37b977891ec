import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseVsock } from './vsock.js';

test.each([
  ['v.sock', { path: 'v.sock' }],
  ['v.sock,cid=4', { path: 'v.sock', cid: 4 }],
  ['a,b.sock,cid=42', { path: 'a,b.sock', cid: 42 }],
  ['v.sock,cid=4,cid=5', { path: 'v.sock,cid=4', cid: 5 }],
  ['v.sock,cid=x', { path: 'v.sock,cid=x' }],
])('the vsock %s', (text, vsock) => expect(parseVsock(text)).toEqual(vsock));

test.each(['', ',cid=3'])('a vsock without a path is refused: %j', (text) => {
  expect(() => parseVsock(text)).toThrow(/A vsock is the path of a Unix socket/);
});

test('any text is a vsock, or is refused with what is valid', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseVsock(text).path).not.toBe('');
      } catch (error) {
        expect(String(error)).toContain('A vsock is');
      }
    }),
  );
});

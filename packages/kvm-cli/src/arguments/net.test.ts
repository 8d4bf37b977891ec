import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseNet } from './net.js';

test.each([
  ['tap0', { type: 'tap', name: 'tap0' }],
  ['tap:passt', { type: 'tap', name: 'passt' }],
  ['tap0,mac=52:54:00:12:34:56,mtu=9000', { type: 'tap', name: 'tap0', mac: '52:54:00:12:34:56', mtu: 9000 }],
  ['passt', { type: 'passt' }],
  [
    'passt,port=8080:80,port=53:53/udp,host-loopback',
    { type: 'passt', ports: ['8080:80', '53:53/udp'], hostLoopback: true },
  ],
  ['socket:/run/a:b.sock,listen', { type: 'socket', path: '/run/a:b.sock', listen: true }],
])('the network %s', (text, net) => expect(parseNet(text)).toEqual([net]));

test('networks are collected in their order, and none takes them back', () => {
  const both = parseNet('passt', parseNet('tap0'));
  expect(both).toEqual([{ type: 'tap', name: 'tap0' }, { type: 'passt' }]);
  expect(parseNet('none', both)).toEqual([]);
});

test.each(['', ',mtu=1', 'tap:', 'user:x', 'tap0,what', 'tap0,port=1:1', 'tap0,mtu=x', 'passt,listen', 'socket:'])(
  'what is no network is refused: %j',
  (text) => {
    expect(() => parseNet(text)).toThrow(/A network is tap0 or/);
  },
);

test('any text is a network, or is refused with what is valid', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseNet(text).length).toBeLessThanOrEqual(1);
      } catch (error) {
        expect(String(error)).toContain('A network is');
      }
    }),
  );
});

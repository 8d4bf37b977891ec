import type { TargetDescription } from './target.js';

export const x86: TargetDescription = {
  arch: 'x86',
  target: {
    triple: 'x86_64-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: true,
    longLongAlign: 8,
    ioc: { sizeBits: 14, none: 0, write: 1, read: 2 },
  },
  multiarch: 'x86_64-linux-gnu',
  macros: { __x86_64__: '1', __x86_64: '1', __amd64__: '1', __amd64: '1' },
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

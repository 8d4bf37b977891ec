import { olderIoc, type TargetDescription } from './target.js';

/** Little-endian, as distributions build it today. */
export const powerpc: TargetDescription = {
  name: 'powerpc',
  arch: 'powerpc',
  target: {
    triple: 'powerpc64le-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: false,
    longLongAlign: 8,
    int128Align: 16,
    ioc: olderIoc,
  },
  multiarch: 'powerpc64le-linux-gnu',
  kvmGuard: '__LINUX_KVM_POWERPC_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

export const powerpcBigEndian: TargetDescription = {
  ...powerpc,
  name: 'powerpc-be',
  target: { ...powerpc.target, triple: 'powerpc64-linux-gnu', endianness: 'big' },
  multiarch: 'powerpc64-linux-gnu',
};

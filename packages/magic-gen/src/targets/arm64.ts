import { genericIoc, type TargetDescription } from './target.js';

export const arm64: TargetDescription = {
  name: 'arm64',
  arch: 'arm64',
  target: {
    triple: 'aarch64-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: false,
    longLongAlign: 8,
    int128Align: 16,
    ioc: genericIoc,
  },
  multiarch: 'aarch64-linux-gnu',
  kvmGuard: '__ARM_KVM_H__',
  unnamedBitfieldsAlign: true,
  largestAlign: 16,
};

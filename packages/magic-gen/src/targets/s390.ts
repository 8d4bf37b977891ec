import { genericIoc, type TargetDescription } from './target.js';

export const s390: TargetDescription = {
  name: 's390',
  arch: 's390',
  target: {
    triple: 's390x-linux-gnu',
    wordSize: 8,
    endianness: 'big',
    charSigned: false,
    longLongAlign: 8,
    int128Align: 8,
    ioc: genericIoc,
  },
  multiarch: 's390x-linux-gnu',
  kvmGuard: '__LINUX_KVM_S390_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 8,
};

import { genericIoc, type TargetDescription } from './target.js';

export const loongarch: TargetDescription = {
  name: 'loongarch',
  arch: 'loongarch',
  target: {
    triple: 'loongarch64-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: true,
    longLongAlign: 8,
    int128Align: 16,
    ioc: genericIoc,
  },
  multiarch: 'loongarch64-linux-gnu',
  kvmGuard: '__UAPI_ASM_LOONGARCH_KVM_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

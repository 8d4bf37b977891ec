import { genericIoc, type TargetDescription } from './target.js';

export const riscv: TargetDescription = {
  name: 'riscv',
  arch: 'riscv',
  target: {
    triple: 'riscv64-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: false,
    longLongAlign: 8,
    int128Align: 16,
    ioc: genericIoc,
  },
  multiarch: 'riscv64-linux-gnu',
  kvmGuard: '__LINUX_KVM_RISCV_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

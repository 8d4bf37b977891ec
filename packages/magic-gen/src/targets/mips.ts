import { olderIoc, type TargetDescription } from './target.js';

/** The 64-bit ABI, little-endian, as Debian's mips64el has it. */
export const mips: TargetDescription = {
  name: 'mips',
  arch: 'mips',
  target: {
    triple: 'mips64el-linux-gnuabi64',
    wordSize: 8,
    endianness: 'little',
    charSigned: true,
    longLongAlign: 8,
    int128Align: 16,
    ioc: olderIoc,
  },
  multiarch: 'mips64el-linux-gnuabi64',
  kvmGuard: '__LINUX_KVM_MIPS_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

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
  macros: {
    __mips__: '1',
    __mips: '64',
    __mips64: '1',
    __MIPSEL__: '1',
    _MIPSEL: '1',
    _ABIO32: '1',
    _ABIN32: '2',
    _ABI64: '3',
    _MIPS_SIM: '_ABI64',
    _MIPS_SZINT: '32',
    _MIPS_SZLONG: '64',
    _MIPS_SZPTR: '64',
  },
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

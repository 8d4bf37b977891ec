import { genericIoc, type TargetDescription } from './target.js';

export const x86: TargetDescription = {
  name: 'x86',
  arch: 'x86',
  target: {
    triple: 'x86_64-linux-gnu',
    wordSize: 8,
    endianness: 'little',
    charSigned: true,
    longLongAlign: 8,
    int128Align: 16,
    ioc: genericIoc,
  },
  multiarch: 'x86_64-linux-gnu',
  kvmGuard: '_ASM_X86_KVM_H',
  unnamedBitfieldsAlign: false,
  largestAlign: 16,
};

/** For reference: 64-bit integers are aligned to 4 bytes, so some structs differ from those of a 64-bit program. */
export const x86Of32Bits: TargetDescription = {
  ...x86,
  name: 'x86-32',
  target: { ...x86.target, triple: 'i386-linux-gnu', wordSize: 4, longLongAlign: 4, int128Align: null },
  multiarch: 'i386-linux-gnu',
};

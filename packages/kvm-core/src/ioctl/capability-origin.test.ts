import { describe, expect, test } from 'vitest';
import { abis } from '../../test/architectures.js';
import { originOf } from './capability-origin.js';

const { x86, arm64, s390, mips } = abis;
const { Cap } = x86;
const since = 'Linux 5.10 or earlier';

describe('the reason why a host lacks a capability', () => {
  test.each([
    ['an architecture', x86, Cap.ArmSve, 'it is a capability of arm64'],
    ['an architecture that its name does not tell', arm64, Cap.Hlt, 'it is a capability of x86'],
    ['several architectures', mips, Cap.IrqfdResample, 'it is a capability of x86, arm64, s390, powerpc'],
    ['no kernel any more', x86, Cap.PpcRma, 'no kernel offers it any more'],
    ['this architecture', arm64, Cap.ArmSve, `it came with ${since}`],
    ['every architecture', s390, Cap.UserMemory, `it came with ${since}`],
  ])('says that it belongs to %s', (_, abi, number, reason) => {
    expect(originOf(abi, { number, since })).toBe(reason);
  });

  test('is unknown where neither the architecture nor the kernel is', () => {
    expect(originOf(x86, { number: 9999 })).toBeUndefined();
  });

  test('names no architecture for a capability that this one offers', () => {
    for (const [name, abi] of Object.entries(abis)) {
      expect(Object.keys(abi.capArch).filter((archs) => archs.split(', ').includes(name))).toEqual([]);
      const numbers = Object.values(abi.capArch).flat();
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });
});

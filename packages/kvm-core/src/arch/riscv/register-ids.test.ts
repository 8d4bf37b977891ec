import { describe, expect, test } from 'vitest';
import { kvmError } from '../../../test/errors.js';
import { KVM_REG_SIZE, RiscvIsaExt, RiscvSbiExt } from '../../abi/riscv/index.js';
import { doubleReg, FcsrReg, floatReg, IsaExtReg, SbiExtReg, VectorCsr, vectorReg } from './extensions.js';
import { ConfigReg, CoreReg, Csr, SbiStateReg, TimerReg } from './register-ids.js';

describe('the ids of riscv', () => {
  test('match the tables in the API documentation of the kernel', () => {
    expect(ConfigReg.isa).toBe(0x8030_0000_0100_0000n);
    expect(CoreReg).toMatchObject({
      pc: 0x8030_0000_0200_0000n,
      ra: 0x8030_0000_0200_0001n,
      t0: 0x8030_0000_0200_0005n,
      a0: 0x8030_0000_0200_000an,
      t6: 0x8030_0000_0200_001fn,
      mode: 0x8030_0000_0200_0020n,
    });
    expect(Object.keys(CoreReg)).toHaveLength(33);
    expect(Csr).toMatchObject({
      sstatus: 0x8030_0000_0300_0000n,
      satp: 0x8030_0000_0300_0008n,
      scounteren: 0x8030_0000_0300_0009n,
      siselect: 0x8030_0000_0301_0000n,
      iprio2h: 0x8030_0000_0301_0006n,
      sstateen0: 0x8030_0000_0302_0000n,
      ssp: 0x8030_0000_0303_0000n,
    });
    expect(TimerReg).toMatchObject({ frequency: 0x8030_0000_0400_0000n, state: 0x8030_0000_0400_0003n });
    expect([floatReg(0), floatReg(31)]).toEqual([0x8020_0000_0500_0000n, 0x8020_0000_0500_001fn]);
    expect([doubleReg(0), doubleReg(31)]).toEqual([0x8030_0000_0600_0000n, 0x8030_0000_0600_001fn]);
    expect(FcsrReg).toEqual({ f: 0x8020_0000_0500_0020n, d: 0x8020_0000_0600_0020n });
  });

  test('of extensions contain the number of the extension', () => {
    expect(IsaExtReg.Sstc).toBe(0x8030_0000_0700_0000n + BigInt(RiscvIsaExt.Sstc));
    expect(SbiExtReg.Dbcn).toBe(0x8030_0000_0800_0000n + BigInt(RiscvSbiExt.Dbcn));
    expect(SbiStateReg.shmemHi).toBe(0x8030_0000_0a00_0001n);
    expect(SbiStateReg['pointerMasking.enable']).toBe(0x8030_0000_0a01_0003n);
  });

  test('of vector registers contain the length of a vector', () => {
    expect(VectorCsr.vlenb).toBe(0x8030_0000_0900_0004n);
    expect(vectorReg(0, 16)).toBe(0x8040_0000_0900_0006n);
    expect(KVM_REG_SIZE(vectorReg(31, 64))).toBe(64);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vectorReg(0, 24));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vectorReg(32, 16));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => floatReg(32));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => doubleReg(-1));
  });

  test('are all different', () => {
    const ids = [ConfigReg, CoreReg, Csr, TimerReg, SbiStateReg, IsaExtReg, SbiExtReg, VectorCsr].flatMap(
      (table): bigint[] => Object.values(table),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

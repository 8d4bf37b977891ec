import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { KvmRegs } from '../abi/arm64/structs.js';
import { placesOf } from './layout.js';
import type { StructType } from './struct.js';

interface Model {
  records: { name: string; members: { name: string; offset: number; type: { size?: number } }[] }[];
}

describe('the positions of fields', () => {
  test('include those of nested structs', () => {
    expect(placesOf(KvmRegs).get('regs.pc')).toEqual({ offset: 256, size: 8 });
    expect(placesOf(KvmRegs).get('fpRegs.vregs')).toEqual({ offset: 336, size: 512 });
  });

  test.each([
    ['arm64', 'UserPtRegs', 'user_pt_regs'],
    ['arm64', 'UserFpsimdState', 'user_fpsimd_state'],
    ['riscv', 'UserRegsStruct', 'user_regs_struct'],
    ['riscv', 'KvmRiscvCsr', 'kvm_riscv_csr'],
    ['s390', 'KvmSregs', 'kvm_sregs'],
    ['powerpc', 'KvmRegs', 'kvm_regs'],
  ])('of %s %s are those that a compiler computed', async (arch, className, tag) => {
    const abi = (await import(`../abi/${arch}/index.ts`)) as Record<string, StructType>;
    const path = new URL(`../../../magic-gen/models/kvm/${arch}.json`, import.meta.url);
    const model = JSON.parse(readFileSync(path, 'utf8')) as Model;
    const record = model.records.find(({ name }) => name === tag);
    const type = abi[className] as StructType;
    expect([...placesOf(type).values()].map(({ offset }) => offset)).toEqual(
      record?.members.map(({ offset }) => offset),
    );
    for (const [i, { size }] of [...placesOf(type).values()].entries()) {
      const wanted = record?.members[i]?.type.size;
      if (wanted !== undefined) expect(size).toBe(wanted);
    }
  });
});

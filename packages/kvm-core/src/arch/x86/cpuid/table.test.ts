import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kvmError } from '../../../../test/errors.js';
import { CpuidFlag, KvmCpuidEntry2 } from '../../../abi/x86/index.js';
import { CpuidFeature } from './features.js';
import { CpuidTable } from './table.js';

const wrong = (value: unknown): never => value as never;

describe('a CPUID table', () => {
  const table = () =>
    new CpuidTable([
      { function: 0, eax: 0xd, ebx: 0x756e_6547, edx: 0x4965_6e69, ecx: 0x6c65_746e },
      { function: 1, ecx: 0x8000_0000 },
      { function: 0xd, index: 0, flags: CpuidFlag.SignificantIndex, eax: 7 },
      { function: 0xd, index: 1, flags: CpuidFlag.SignificantIndex, eax: 0xf },
    ]);

  test('finds entries by leaf and subleaf', () => {
    expect(table().find(0xd)?.eax).toBe(7);
    expect(table().find(0xd, 1)?.eax).toBe(0xf);
    expect(table().find(0xd, 2)).toBeUndefined();
    // ECX does not matter for a leaf without subleaves.
    expect(table().find(1, 5)?.ecx).toBe(0x8000_0000);
    expect(table().length).toBe(4);
  });

  test('is a copy: its source does not change', () => {
    const entry = KvmCpuidEntry2.from({ function: 7, ebx: 1 });
    const first = new CpuidTable([entry]);
    const second = new CpuidTable(first);
    second.disable(CpuidFeature.Fsgsbase);
    first.put({ function: 8 });
    expect([entry.ebx, first.has(CpuidFeature.Fsgsbase), second.has(CpuidFeature.Fsgsbase)]).toEqual([1, true, false]);
    expect(second.length).toBe(1);
  });

  test('shows and hides features by name', () => {
    const cpuid = table();
    expect(cpuid.has(CpuidFeature.Hypervisor)).toBe(true);
    cpuid.enable(CpuidFeature.X2apic, CpuidFeature.Sse3);
    cpuid.disable(CpuidFeature.Hypervisor, CpuidFeature.Avx2);
    expect(cpuid.find(1)?.ecx).toBe((1 << 21) | 1);
    expect(cpuid.has(CpuidFeature.Avx2)).toBe(false);
    cpuid.enable({ leaf: 0xd, subleaf: 1, register: 'edx', bit: 31 });
    expect(cpuid.find(0xd, 1)?.edx).toBe(0x8000_0000);
  });

  test('enables no feature if the leaf of one is missing', () => {
    const cpuid = table();
    const error = kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.enable(CpuidFeature.Sse3, CpuidFeature.Avx2));
    expect(error.message).toBe('this CPUID table has no leaf 0x7 (put() one first)');
    expect(cpuid.has(CpuidFeature.Sse3)).toBe(false);
  });

  test('replaces a leaf, and adds subleaves', () => {
    const cpuid = table();
    cpuid.put({ function: 1, eax: 5 });
    expect(cpuid.find(1)).toMatchObject({ eax: 5, ecx: 0 });
    cpuid.put({ function: 0xd, index: 1, eax: 1 });
    cpuid.put({ function: 0xd, index: 9, eax: 2 });
    expect([cpuid.find(0xd, 1)?.eax, cpuid.find(0xd, 9)?.eax, cpuid.length]).toEqual([1, 2, 5]);
    expect([cpuid.delete(0xd, 9), cpuid.delete(0xd), cpuid.delete(0xd), cpuid.length]).toEqual([1, 2, 0, 2]);
  });

  test('reads and sets the names of the processor and the hypervisor', () => {
    const cpuid = table();
    expect([cpuid.vendor, cpuid.hypervisor, cpuid.brand]).toEqual(['GenuineIntel', '', '']);
    cpuid.vendor = 'AuthenticAMD';
    cpuid.hypervisor = 'TypeScript';
    cpuid.brand = 'A processor of forty-eight characters, just so!!';
    expect(cpuid.find(0)).toMatchObject({ eax: 0xd, ebx: 0x6874_7541, edx: 0x6974_6e65, ecx: 0x444d_4163 });
    expect(cpuid.hypervisor).toBe('TypeScript');
    expect(cpuid.brand).toBe('A processor of forty-eight characters, just so!!');
    expect(cpuid.find(0x8000_0000)?.eax).toBe(0x8000_0004);
  });

  test('returns any text that was set', () => {
    const text = fc.string({
      maxLength: 12,
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((n) => String.fromCharCode(n)),
    });
    fc.assert(
      fc.property(text, (name) => {
        const cpuid = new CpuidTable();
        cpuid.vendor = name;
        expect(cpuid.vendor).toBe(name);
      }),
    );
  });

  test('refuses invalid leaves, features and names', () => {
    const cpuid = table();
    for (const value of [null, 5, 'x', { length: -1 }, [5]]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => new CpuidTable(wrong(value)));
      if (!Array.isArray(value)) kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.has(wrong(value)));
    }
    for (const value of [undefined, null, {}, 'a']) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.find(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.delete(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.enable(wrong(value)));
      if (value !== undefined) kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.find(0, wrong(value)));
    }
    const bit = { leaf: 1, subleaf: 0, register: 'ecx', bit: 0 } as const;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => cpuid.has({ ...bit, bit: 32 }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => cpuid.enable({ ...bit, leaf: -1 }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.disable({ ...bit, register: wrong('toString') }));
    for (const name of ['thirteen char', 'ümlaut', 'a\0b', wrong(5), wrong(undefined)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => {
        cpuid.vendor = name;
      });
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.put(wrong(undefined)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => cpuid.put({ leaf: 5 } as never));
    expect(cpuid.vendor).toBe('GenuineIntel');
  });
});

test('no two features are the same bit', () => {
  const places = Object.values(CpuidFeature).map(
    ({ leaf, subleaf, register, bit }) => `${leaf}.${subleaf}.${register}.${bit}`,
  );
  expect(new Set(places).size).toBe(places.length);
});

test('setApicId sets the same id in each topology leaf', () => {
  const leaves = [
    { function: 0, eax: 7 },
    { function: 1, ebx: 0x1234_5678, edx: 0xff },
    { function: 0x1f, flags: 1 },
  ];
  const table = new CpuidTable(leaves);
  table.setApicId(5, 6);
  expect(table.find(1)).toMatchObject({ ebx: 0x0506_5678, edx: 0x1000_00ff });
  expect(table.find(0)?.eax).toBe(0xb);
  for (const leaf of [0xb, 0x1f]) {
    expect([0, 1, 2].map((index) => table.find(leaf, index))).toMatchObject([
      { eax: 0, ebx: 1, ecx: 0x100, edx: 5 },
      { eax: 3, ebx: 6, ecx: 0x201, edx: 5 },
      { eax: 0, ebx: 0, ecx: 2, edx: 5 },
    ]);
  }
  const { length } = table;
  table.setApicId(0x123, 1000);
  expect(table.length).toBe(length);
  expect(table.find(1)?.ebx).toBe(0x23ff_5678);
  expect(table.find(0xb, 1)).toMatchObject({ eax: 10, ebx: 1000, edx: 0x123 });
  table.setApicId(0);
  expect(table.find(1)).toMatchObject({ ebx: 0x0001_5678, edx: 0xff });
  expect(table.find(0xb, 1)).toMatchObject({ eax: 0, ebx: 1, edx: 0 });
});

test('setApicId refuses an id outside of the topology, and a table without leaf 1', () => {
  const table = new CpuidTable([{ function: 1 }]);
  for (const [id, count] of [
    [1, 1],
    [8, 6],
    [-1, 2],
    [0, 0],
    [0, 2 ** 16],
    [0.5, 2],
  ] as const) {
    kvmError('ERR_KVM_OUT_OF_RANGE', () => table.setApicId(id, count));
  }
  expect(() => new CpuidTable().setApicId(0)).toThrow(/no leaf 0x1/);
});

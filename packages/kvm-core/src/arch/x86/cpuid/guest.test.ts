import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kvmError } from '../../../../test/errors.js';
import { CpuidFeature } from './features.js';
import { guestTable } from './guest.js';
import { CpuidTable } from './table.js';

const wrong = (value: unknown): never => value as never;

/** The caches of leaf 4 and their end: level and type in EAX, and a host whose sixteen threads share them in pairs. */
const caches = [0x21, 0x22, 0x43, 0x63].map((kind, index) => ({
  eax: (0x3c00_4000 | kind) >>> 0,
  index,
}));

const intel = [
  { function: 0, eax: 0xd, ebx: 0x756e_6547, edx: 0x4965_6e69, ecx: 0x6c65_746e },
  { function: 1, ebx: 0x0710_0800, ecx: 1 << 21, edx: 1 << 28 },
  ...caches.map(({ eax, index }) => ({ function: 4, flags: 1, index, eax })),
  { function: 4, flags: 1, index: 4 },
  { function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x4b4d_564b, ecx: 0x564b_4d56, edx: 0x4d },
  { function: 0x4000_0001, eax: 0xffff_ffff },
];
const amd = [
  { function: 0, eax: 0x10, ebx: 0x6874_7541, edx: 0x6974_6e65, ecx: 0x444d_4163 },
  { function: 1 },
  { function: 0x8000_001d, flags: 1, index: 0, eax: 0x0000_4121 },
  { function: 0x8000_001d, flags: 1, index: 3, eax: 0x0003_c163 },
  { function: 0x8000_001e, eax: 7, ebx: 0x0103, ecx: 0x0101 },
];

describe('the CPUID of a guest', () => {
  test('has the hypervisor bit, and the TSC deadline timer if KVM has it', () => {
    const table = guestTable(intel, {}, true);
    for (const feature of [CpuidFeature.Hypervisor, CpuidFeature.TscDeadline, CpuidFeature.X2apic]) {
      expect(table.has(feature)).toBe(true);
    }
    expect(guestTable(intel, {}, false).has(CpuidFeature.TscDeadline)).toBe(false);
    expect(intel[1]).toMatchObject({ ecx: 1 << 21 });
  });

  test('lacks what needs a local APIC in the kernel if there is none', () => {
    const table = guestTable(intel, { lapic: false }, true);
    expect(table.find(1)?.ecx).toBe(0x8000_0000);
    expect(table.find(0x4000_0001)?.eax).toBe(0xffff_b73f);
  });

  test('has the id and the topology of its processor', () => {
    const table = guestTable(intel, { apicId: 5, cpus: 6 }, true);
    expect(table.find(1)?.ebx).toBe(0x0506_0800);
    expect(table.find(0xb, 1)).toMatchObject({ eax: 3, ebx: 6, edx: 5 });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guestTable(intel, { apicId: 8, cpus: 6 }, true));
  });

  test("has a core's own first and second caches, and a third one for all", () => {
    const eax = (cpus: number) => [0, 1, 2, 3, 4].map((index) => guestTable(intel, { cpus }, true).find(4, index)?.eax);
    expect(eax(1)).toEqual([0x21, 0x22, 0x43, 0x63, 0]);
    expect(eax(6)).toEqual([0x1c00_0021, 0x1c00_0022, 0x1c00_0043, 0x1c01_c063, 0]);
    // Both fields have a largest value.
    expect(eax(10_000)).toEqual(
      [0xfc00_0021, 0xfc00_0022, 0xfc00_0043, 0xffff_c063 & 0xffff_ffff, 0].map((n) => n >>> 0),
    );
    const table = guestTable(amd, { apicId: 3, cpus: 4 }, true);
    expect([0, 3].map((index) => table.find(0x8000_001d, index)?.eax)).toEqual([0x121, 0xc163]);
    expect(table.find(0x8000_001e)).toMatchObject({ eax: 3, ebx: 3, ecx: 0 });
  });

  test('says the frequency of the TSC, and that of the APIC timer as its crystal', () => {
    const table = guestTable(intel, { tscKhz: 2_900_000 }, true);
    expect(table.find(0)?.eax).toBe(0x16);
    expect(table.find(0x15)).toMatchObject({ eax: 10, ebx: 29, ecx: 1_000_000_000 });
    expect(table.find(0x16)).toMatchObject({ eax: 2900, ebx: 2900, ecx: 100 });
    expect(table.find(0x4000_0000)?.eax).toBe(0x4000_0010);
    expect(table.find(0x4000_0010)).toMatchObject({ eax: 2_900_000, ebx: 1_000_000 });
  });

  test('has no ratio that Linux would multiply wrongly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8_000_000 }), (tscKhz) => {
        const { eax, ebx, ecx } = guestTable(intel, { tscKhz }, true).find(0x15) ?? wrong(undefined);
        if (eax !== 0) expect(Math.floor((((ecx / 1000) * ebx) % 2 ** 32) / eax)).toBe(tscKhz);
      }),
    );
    expect(guestTable(intel, { tscKhz: 2_893_437 }, true).find(0x15)).toMatchObject({ eax: 0, ebx: 0, ecx: 0 });
  });

  test("has no leaves of Intel's on AMD, and none of a hypervisor that is not there", () => {
    const table = guestTable(amd, { tscKhz: 2_900_000 }, true);
    expect([0x15, 0x16, 0x4000_0010].map((leaf) => table.find(leaf))).toEqual([undefined, undefined, undefined]);
    expect(table.find(0)?.eax).toBe(0x10);
  });

  test('is refused for options that it does not have', () => {
    for (const options of [{ apicid: 1 }, { lapic: 1 }, { cpus: '2' }, 5, null]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => guestTable(intel, wrong(options), true));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guestTable(intel, { tscKhz: 0 }, true));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => guestTable(new CpuidTable([{ function: 0 }]).toJSON(), {}, true));
  });
});

import { expect, test } from 'vitest';
import { PageFlag } from '../src/arch/x86/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { PageTables } from './guest/paging.js';
import { machine } from './machine.js';

const halt = code64`
  f4  ; hlt
`;

const root = 0x2_0000n;
const high = 0xffff_8000_0000_0000n;

onEachBackend('translate', (backend) => {
  test('returns the address itself without paging', () => {
    for (const mode of ['real', 'protected'] as const) {
      using guest = machine(backend, mode, halt);
      for (const address of [0n, 0x1234n, 0xfffff000n]) expect(guest.vcpu.translate(address)).toBe(address);
    }
  });

  test('follows the page tables to the byte, of small and large pages', () => {
    using guest = machine(backend, 'long', halt);
    // Large pages map everything below 4 GiB to itself.
    for (const address of [0n, 0x1234n, 0x12_3456_7n, 0xffff_ffffn]) {
      expect(guest.vcpu.translate(address)).toBe(address);
    }
    const tables = new PageTables(guest.memory, root);
    tables.map(high, 0x8000n);
    tables.map(high + 0x1000n, 0x3000n, PageFlag.P);
    // An address without memory.
    tables.map(0n, 0xfed0_0000n);
    const sregs = guest.vcpu.getSregs();
    sregs.cr3 = root;
    guest.vcpu.setSregs(sregs);
    expect(guest.vcpu.translate(high + 0xabcn)).toBe(0x8abcn);
    expect(guest.vcpu.translate(high + 0x1fffn)).toBe(0x3fffn);
    expect(guest.vcpu.translate(7n)).toBe(0xfed0_0007n);
  });

  test('returns undefined for an unmapped address', () => {
    using guest = machine(backend, 'long', halt);
    expect(guest.vcpu.translate(0x1_0000_0000n)).toBeUndefined();
    const tables = new PageTables(guest.memory, root);
    tables.map(high, 0x8000n);
    const sregs = guest.vcpu.getSregs();
    sregs.cr3 = root;
    guest.vcpu.setSregs(sregs);
    expect(guest.vcpu.translate(high)).toBe(0x8000n);
    // The last table and the first have no entry.
    expect(guest.vcpu.translate(high + 0x1000n)).toBeUndefined();
    expect(guest.vcpu.translate(0n)).toBeUndefined();
    tables.map(high, 0x8000n, PageFlag.Rw);
    expect(guest.vcpu.translate(high)).toBeUndefined();
  });
});

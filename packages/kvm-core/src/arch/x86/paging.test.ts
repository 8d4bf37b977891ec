import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identityMap, identityMapSize } from './paging.js';

/** Translates a virtual address as the processor does, with tables at `base`. */
function walk(tables: DataView, base: bigint, address: bigint): bigint | undefined {
  let table = base;
  for (const shift of [39n, 30n, 21n]) {
    const index = (address >> shift) & 0x1ffn;
    const entry = tables.getBigUint64(Number(table - base + index * 8n), true);
    if ((entry & 1n) === 0n) return undefined;
    if ((entry & 0x80n) !== 0n) return (entry & ~0x1f_ffffn) | (address & 0x1f_ffffn);
    table = entry & ~0xfffn;
  }
  return undefined;
}

test('every address below 4 GiB is mapped to itself, and none above', () => {
  const base = fc.bigInt({ min: 0n, max: 0xf_fff0n }).map((page) => page * 4096n);
  fc.assert(
    fc.property(base, fc.bigInt({ min: 0n, max: 0x1_ffff_ffffn }), (at, address) => {
      const bytes = identityMap(at);
      expect(bytes).toHaveLength(identityMapSize);
      expect(walk(new DataView(bytes.buffer), at, address)).toBe(address < 0x1_0000_0000n ? address : undefined);
    }),
  );
});

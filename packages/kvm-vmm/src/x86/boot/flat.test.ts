import { KvmError } from '@kvm/core';
import { modes, tablesSize } from '@kvm/core/x86';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FlatOptions, planFlat } from './flat.js';

const MiB = 2 ** 20;
const real: FlatOptions = { mode: 'real', memorySize: MiB, imageSize: 100 };
const long: FlatOptions = { mode: 'long', memorySize: MiB, imageSize: 100 };

test('a real-mode guest is loaded at 0x1000, with its stack at the end of the first 64 KiB', () => {
  expect(planFlat(real)).toMatchObject({ loadAddr: 0x1000n, entry: 0x1000n, stackTop: 0x1_0000n });
  expect(planFlat({ ...real, memorySize: 0x8000 }).stackTop).toBe(0x8000n);
});

test('the other modes have their tables at the end of memory, and the stack below', () => {
  expect(planFlat(long)).toMatchObject({ tables: 0xf_9000n, stackTop: 0xf_9000n });
  expect(planFlat({ ...long, mode: 'protected' })).toMatchObject({ tables: 0xf_f000n, stackTop: 0xf_f000n });
  expect(planFlat({ ...long, memorySize: 4096 * MiB }).tables).toBe(0xbfff_9000n);
});

test('the entry is the load address unless it is set', () => {
  expect(planFlat({ ...real, loadAddr: 0x7c00n }).entry).toBe(0x7c00n);
  expect(planFlat({ ...real, loadAddr: 0x7c00n, entry: 0x7c10n }).entry).toBe(0x7c10n);
});

test.each([
  ['an empty guest', { ...real, imageSize: 0 }, 'the guest is empty'],
  [
    'a load address at the end of memory',
    { ...real, loadAddr: 0x10_0000n },
    'the load address 0x100000 is outside memory, which ends at 0x100000',
  ],
  ['a negative load address', { ...real, loadAddr: -1n }, 'the load address -0x1 is outside memory'],
  [
    'a guest larger than memory',
    { ...real, imageSize: MiB },
    'the guest of 1048576 bytes does not fit: there are 1044480 bytes from the load address 0x1000 on',
  ],
  [
    'a guest that overlaps the tables',
    { ...long, imageSize: 0xf_8001 },
    'there are 1015808 bytes from the load address 0x1000 on; the tables of long mode are at 0xf9000',
  ],
  [
    'a load address in the tables',
    { ...long, loadAddr: 0xf_a000n },
    'there are 0 bytes from the load address 0xfa000 on',
  ],
  [
    'an entry above 64 KiB in real mode',
    { ...real, entry: 0x1_0000n },
    'the entry 0x10000 is out of range: in real mode it is below 0x10000',
  ],
  [
    'an entry after the end of the guest',
    { ...long, entry: 0x1064n },
    'the entry 0x1064 is outside the guest, which is at 0x1000 to 0x1063',
  ],
  ['an entry before the guest', { ...long, entry: 0xfffn }, 'the entry 0xfff is outside the guest'],
  ['a negative entry', { ...long, entry: -2n }, 'the entry -0x2 is out of range: in long mode it is below 0x100000000'],
  [
    'memory too small for the tables',
    { ...long, memorySize: 0x4000 },
    'long mode needs 28672 bytes of memory for its tables, and the guest has 16384',
  ],
] as const)('%s is refused, with the limit', (_, options, message) => {
  expect(() => planFlat(options)).toThrow(message);
  expect(() => planFlat(options)).toThrow(KvmError);
});

test('every plan fits: image and tables are in memory, do not overlap, and the entry is in the image', () => {
  const options = fc.record({
    mode: fc.constantFrom(...modes),
    memorySize: fc.integer({ min: 1, max: 64 }).map((pages) => pages * 4096),
    imageSize: fc.nat(0x4_0000),
    loadAddr: fc.bigInt({ min: 0n, max: 0x4_0000n }),
    entry: fc.bigInt({ min: 0n, max: 0x4_0000n }),
  });
  fc.assert(
    fc.property(options, (wanted) => {
      let plan: ReturnType<typeof planFlat>;
      try {
        plan = planFlat(wanted);
      } catch (error) {
        expect(error).toBeInstanceOf(KvmError);
        return;
      }
      const end = BigInt(wanted.memorySize);
      const imageEnd = plan.loadAddr + BigInt(wanted.imageSize);
      const tablesEnd = plan.tables + BigInt(tablesSize(plan.mode));
      expect(imageEnd <= end && tablesEnd <= end && plan.stackTop <= end).toBe(true);
      expect(plan.entry >= plan.loadAddr && plan.entry < imageEnd).toBe(true);
      if (plan.mode !== 'real') expect(imageEnd <= plan.tables && plan.stackTop <= plan.tables).toBe(true);
    }),
  );
});

import { KvmError } from '@kvm/core';
import { modes, tablesSize } from '@kvm/core/x86';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FlatOptions, planFlat } from './flat.js';

const MiB = 2 ** 20;
const real: FlatOptions = { mode: 'real', memorySize: MiB, imageSize: 100 };
const long: FlatOptions = { mode: 'long', memorySize: MiB, imageSize: 100 };

test('a real-mode guest goes to 0x1000, its stack to the end of the first 64 KiB', () => {
  expect(planFlat(real)).toMatchObject({ loadAddr: 0x1000n, entry: 0x1000n, stackTop: 0x1_0000n });
  expect(planFlat({ ...real, memorySize: 0x8000 }).stackTop).toBe(0x8000n);
});

test('the other modes keep their tables at the end of memory, and the stack below', () => {
  expect(planFlat(long)).toMatchObject({ tables: 0xf_9000n, stackTop: 0xf_9000n });
  expect(planFlat({ ...long, mode: 'protected' })).toMatchObject({ tables: 0xf_f000n, stackTop: 0xf_f000n });
  expect(planFlat({ ...long, memorySize: 4096 * MiB }).tables).toBe(0xbfff_9000n);
});

test('the entry is the load address, unless it is said', () => {
  expect(planFlat({ ...real, loadAddr: 0x7c00n }).entry).toBe(0x7c00n);
  expect(planFlat({ ...real, loadAddr: 0x7c00n, entry: 0x7c10n }).entry).toBe(0x7c10n);
});

test.each([
  ['an empty guest', { ...real, imageSize: 0 }, 'the guest is empty'],
  [
    'a load address behind the end',
    { ...real, loadAddr: 0x10_0000n },
    'the load address 0x100000 is outside of memory, which ends at 0x100000',
  ],
  ['a negative load address', { ...real, loadAddr: -1n }, 'the load address -0x1 is outside of memory'],
  [
    'a guest larger than memory',
    { ...real, imageSize: MiB },
    'the guest of 1048576 bytes does not fit: memory has room for 1044480 bytes from the load address 0x1000 on',
  ],
  [
    'a guest that would lie in the tables',
    { ...long, imageSize: 0xf_8001 },
    'room for 1015808 bytes from the load address 0x1000 on; long mode has its tables at 0xf9000',
  ],
  [
    'a load address in the tables',
    { ...long, loadAddr: 0xf_a000n },
    'room for 0 bytes from the load address 0xfa000 on',
  ],
  [
    'an entry above 64 KiB in real mode',
    { ...real, entry: 0x1_0000n },
    'real mode can be entered below 0x10000 only, not at 0x10000',
  ],
  [
    'an entry behind the end of the guest',
    { ...long, entry: 0x1064n },
    'the entry 0x1064 is not in the guest, which lies from 0x1000 to 0x1063',
  ],
  ['an entry in front of the guest', { ...long, entry: 0xfffn }, 'the entry 0xfff is not in the guest'],
  ['a negative entry', { ...long, entry: -2n }, 'long mode can be entered below 0x100000000 only, not at -0x2'],
  [
    'memory too small for the tables',
    { ...long, memorySize: 0x4000 },
    'long mode keeps 28672 bytes of tables in memory, which has 16384 bytes',
  ],
] as const)('%s is refused, with the limit', (_, options, message) => {
  expect(() => planFlat(options)).toThrow(message);
  expect(() => planFlat(options)).toThrow(KvmError);
});

test('what is planned fits: image and tables lie in memory, apart, and the entry is in the image', () => {
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

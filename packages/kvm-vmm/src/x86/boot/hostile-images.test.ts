import { gzipSync } from 'node:zlib';
import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bzImage, elfImage, faultsOf, MiB, multibootHeader } from '../../../test/boot-images.js';
import { bytesSource } from '../../boot/byte-source.js';
import { type BootPlan, bootProtocols, type LinuxImage } from './plan.js';
import { planBoot } from './plan-boot.js';

const multibootCode = Buffer.concat([multibootHeader(3), Buffer.alloc(64)]);
const multibootAddresses = { header: 0x10_0000, load: 0x10_0000, entry: 0x10_0010 };

const images: readonly Buffer[] = [
  bzImage(),
  bzImage({}, gzipSync(elfImage({ pvh: 0x100_0000n }))),
  elfImage({ pvh: 0x100_0000n }),
  elfImage({ bits: 32, machine: 3, pvh: 0x100_0000n }),
  elfImage(),
  elfImage({ entry: 0x10_0020n, segments: [{ paddr: 0x10_0000n, data: multibootCode }] }),
  Buffer.concat([multibootHeader(0x1_0000, multibootAddresses), Buffer.alloc(64)]),
  gzipSync(elfImage({ pvh: 0x100_0000n })),
];

/** Values at the edges of fields and of the memory's layout. */
const edges = [0n, 1n, 0x1000n, 0x9_fc00n, 0x10_0000n, 0x3fff_ffffn, 0x7fff_ffffn, 0xffff_ffffn, 1n << 32n, 1n << 63n];
const value = fc.oneof(
  fc.constantFrom(...edges, ...edges.map((each) => 2n ** 64n - 1n - each)),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

/** Undefined, five times of six. */
function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** Changes of 1, 2, 4 or 8 bytes; most are in the headers. */
const change = fc.record({
  at: fc.oneof(fc.integer({ min: 0x1f1, max: 0x26c }), fc.nat(0xc0), fc.nat(0x1800)),
  size: fc.constantFrom(1, 2, 4, 8),
  value,
});

const mutated = fc
  .tuple(fc.constantFrom(...images), fc.array(change, { maxLength: 4 }), rarely(fc.nat(0x1800)))
  .map(([image, changes, length]) => {
    const bytes = Buffer.from(image);
    for (const { at, size, value } of changes) {
      const piece = Buffer.alloc(8);
      piece.writeBigUInt64LE(value);
      if (at + size <= bytes.length) piece.copy(bytes, at, 0, size);
    }
    return bytes.subarray(0, length);
  });

const environment = fc.record({
  memorySize: fc.oneof(
    fc.constantFrom(MiB, 2 * MiB, 64 * MiB, 3072 * MiB, 4096 * MiB, 2 ** 45),
    fc.integer({ min: 1, max: 0x2000 }).map((pages) => pages * 4096),
  ),
  protocol: rarely(fc.constantFrom(...bootProtocols)),
});

/** What accompanies a kernel. Only the size of these files matters. */
const files = fc.record({
  initrd: rarely(fc.oneof(fc.nat(MiB), fc.nat(2 ** 33))),
  cmdline: fc.string({ maxLength: 100 }),
});

function check(image: LinuxImage, wanted: { memorySize: number; protocol: BootPlan['protocol'] | undefined }): void {
  let plan: BootPlan;
  try {
    plan = planBoot(image, wanted);
  } catch (error) {
    expect(error).toBeInstanceOf(KvmError);
    return;
  }
  expect(faultsOf(plan)).toEqual([]);
  const { rip } = plan.entry;
  const isLoaded = plan.segments.some(({ addr, size }) => rip >= addr && rip < addr + BigInt(size));
  expect(isLoaded && rip < 2n ** 32n).toBe(true);
}

test('a damaged image makes a plan without faults, or is refused', () => {
  fc.assert(
    fc.property(mutated, environment, files, (kernel, wanted, { initrd, cmdline }) => {
      const disk = initrd === undefined ? undefined : { size: initrd, read: () => {} };
      check({ kernel: bytesSource(kernel), initrd: disk, cmdline }, wanted);
    }),
    { numRuns: 3000 },
  );
});

test('random bytes are refused, also after the magic number of a format', () => {
  const magic = fc.constantFrom('', '7f454c4602010100', '7f454c46010101', '1f8b08', '02214c18', '02b0ad1b');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 1000 }), environment, (start, rest, wanted) => {
      check({ kernel: bytesSource(Buffer.concat([Buffer.from(start, 'hex'), rest])) }, wanted);
    }),
    { numRuns: 1000 },
  );
});

import { expect, test } from 'vitest';
import { bzImage, contentOf, faultsOf, MiB, segment } from '../../../test/boot-images.js';
import { BootParams, SetupData } from '../../abi/bootparam/index.js';
import { bytesSource } from '../../boot/byte-source.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';
import { planBoot } from './plan-boot.js';

const GiB = 1024 * MiB;

function plan(
  fields: Parameters<typeof bzImage>[0] = {},
  image: Partial<LinuxImage> = {},
  environment: Partial<BootEnvironment> = {},
): BootPlan {
  const kernel = bytesSource(bzImage(fields));
  const planned = planBoot({ kernel, ...image }, { memorySize: 256 * MiB, ...environment });
  expect(faultsOf(planned)).toEqual([]);
  return planned;
}

function zeroPage(planned: BootPlan): BootParams {
  return BootParams.at(contentOf(segment(planned, 'the zero page')));
}

const initrd = bytesSource(Buffer.alloc(0x1801, 7));

test('a bzImage is loaded where it wants to be, and entered in long mode 0x200 bytes on', () => {
  const planned = plan();
  expect(planned.protocol).toBe('bzimage');
  expect(segment(planned, 'the kernel')).toMatchObject({ addr: 0x100_0000n, offset: 1024, room: 0x80_0000n });
  expect(contentOf(segment(planned, 'the kernel'))[0]).toBe(0xcc);
  const rsi = segment(planned, 'the zero page').addr;
  expect(planned.entry).toEqual({ mode: 'long', rip: 0x100_0200n, rax: 0n, rbx: 0n, rsi });
});

test('a relocatable kernel is aligned, another is not', () => {
  const fields = { prefAddress: 0x123_4000n };
  expect(segment(plan(fields), 'the kernel').addr).toBe(0x140_0000n);
  expect(segment(plan({ ...fields, relocatableKernel: 0 }), 'the kernel').addr).toBe(0x123_4000n);
});

test('the zero page has the setup header of the kernel, up to its end, and nothing of the code after it', () => {
  const { hdr } = zeroPage(plan({ handoverOffset: 0x190, kernelInfoOffset: 5, rootFlags: 1, loadflags: 0x83 }));
  expect(hdr).toMatchObject({ version: 0x20f, handoverOffset: 0x190, kernelInfoOffset: 5, rootFlags: 1 });
  // Not for the kernel: whether there is a heap, and that addresses were randomised.
  expect(hdr).toMatchObject({ typeOfLoader: 0xff, loadflags: 0x01, code32Start: 0x100_0000 });
  // The jump over the header says that it ends before these fields.
  expect(zeroPage(plan({ jump: 0x66eb, kernelInfoOffset: 5 })).hdr.kernelInfoOffset).toBe(0);
});

test('the zero page has the command line, the initrd, the memory and the address of the ACPI tables', () => {
  const planned = plan({}, { initrd, cmdline: 'console=ttyS0 ä' }, { rsdp: 0xe_0000n, memorySize: 6 * GiB });
  const params = zeroPage(planned);
  const text = segment(planned, 'the command line');
  expect(contentOf(text).toString()).toBe('console=ttyS0 ä\0');
  expect(BigInt(params.hdr.cmdLinePtr)).toBe(text.addr);
  expect(params.hdr).toMatchObject({ ramdiskImage: 3 * GiB - 0x2000, ramdiskSize: 0x1801 });
  expect(params.acpiRsdpAddr).toBe(0xe_0000n);
  const table = Array.from({ length: params.e820Entries }, (_, i) => params.e820Table[i]?.toJSON());
  expect(table).toEqual([
    { addr: '0x0', size: '0x9fc00', type: 1 },
    { addr: '0x100000', size: '0xbff00000', type: 1 },
    { addr: '0x100000000', size: '0xc0000000', type: 1 },
  ]);
});

test('the initrd is at the top of what the kernel allows', () => {
  const placed = (fields: object, memorySize: number): bigint =>
    segment(plan(fields, { initrd }, { memorySize }), 'the initrd').addr;
  expect(placed({}, 256 * MiB)).toBe(BigInt(256 * MiB) - 0x2000n);
  expect(placed({ xloadflags: 1 }, 6 * GiB)).toBe(0x7fff_e000n);
  expect(placed({ xloadflags: 1, initrdAddrMax: 0x37ff_ffff }, 6 * GiB)).toBe(0x37ff_e000n);
  // Above the kernel there is no room in 24 MiB, below it there is.
  expect(placed({}, 24 * MiB)).toBe(0xff_e000n);
});

test('an initrd that fits nowhere else is above 4 GiB, if the kernel allows it', () => {
  const large = { size: 3 * GiB, read: () => {} };
  const planned = plan({}, { initrd: large }, { memorySize: 8 * GiB });
  expect(segment(planned, 'the initrd').addr).toBe(0x1_8000_0000n);
  const { hdr, extRamdiskImage } = zeroPage(planned);
  expect([extRamdiskImage, hdr.ramdiskImage, hdr.ramdiskSize]).toEqual([1, 0x8000_0000, 3 * GiB]);
  expect(() => plan({ xloadflags: 1 }, { initrd: large }, { memorySize: 8 * GiB })).toThrow(
    'the initrd of 3221225472 bytes does not fit: it must end below 0x80000000',
  );
});

test('setup data is a linked list in memory', () => {
  const setupData = [
    { type: 9, data: Uint8Array.of(1, 2, 3) },
    { type: 2, data: Uint8Array.of(4) },
  ];
  const planned = plan({}, {}, { setupData });
  const [first, second] = planned.segments.filter(({ name }) => name === 'setup data');
  if (first === undefined || second === undefined) throw new Error('there is no list');
  expect(zeroPage(planned).hdr.setupData).toBe(first.addr);
  const item = SetupData.at(contentOf(first));
  expect([item.type, item.len, item.next, [...item.data]]).toEqual([9, 3, second.addr, [1, 2, 3]]);
  expect(SetupData.at(contentOf(second)).next).toBe(0n);
  // What the file says is no address of this guest.
  expect(zeroPage(plan({ setupData: 0x1000n })).hdr.setupData).toBe(0n);
});

test.each([
  ['an old boot protocol', { version: 0x20b }, 'the kernel has version 2.11 of the boot protocol'],
  ['a zImage', { loadflags: 0 }, 'the kernel is a zImage'],
  ['a 32-bit kernel', { xloadflags: 0 }, 'the kernel is a 32-bit one: it has no 64-bit entry'],
  ['an alignment of 0', { kernelAlignment: 0 }, 'the alignment of the kernel is 0x0, which is not a power of two'],
  ['an odd alignment', { kernelAlignment: 0x30_0000 }, 'not a power of two'],
  ['a load address above 4 GiB', { prefAddress: 2n ** 64n - 1n }, 'only addresses below 4 GiB can be'],
  ['a load address in the structures', { prefAddress: 0x1000n, relocatableKernel: 0, initSize: 0 }, 'overlaps'],
  ['a kernel that is larger than memory', { initSize: 0xffff_ffff }, 'which is not all memory'],
  ['missing code', { syssize: 0x200 }, 'the kernel is truncated: it has 5376 bytes, and its header says 9216'],
  ['missing setup sectors', { setupSects: 64 }, 'the kernel is truncated'],
])('%s is refused', (_, fields, message) => {
  expect(() => plan(fields)).toThrow(message);
});

test('what does not fit is refused: command line, setup data, memory', () => {
  expect(() => plan({}, { cmdline: 'x'.repeat(2048) })).toThrow(
    'the command line of 2048 bytes is too long: the limit is 2047',
  );
  expect(plan({}, { cmdline: 'x'.repeat(2047) }).protocol).toBe('bzimage');
  expect(() => plan({ cmdlineSize: 2 ** 32 - 1 }, { cmdline: 'x'.repeat(0x1_0000) })).toThrow('the limit is 65535');
  expect(() => plan({}, { cmdline: 'a\0b' })).toThrow('zero character');
  expect(() => plan({}, {}, { setupData: [{ type: 9, data: new Uint8Array(0x1_0000) }] })).toThrow('64 KiB');
  expect(() => plan({}, {}, { memorySize: 16 * MiB })).toThrow('the kernel needs 0x1000000 to 0x17fffff');
  expect(() => plan({}, {}, { memorySize: MiB })).toThrow('a kernel needs at least 2 MiB of memory');
  expect(() => plan({}, { initrd: bytesSource(new Uint8Array()) })).toThrow('the initrd is empty');
});

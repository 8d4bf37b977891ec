import { expect, test } from 'vitest';
import { contentOf, elfImage, faultsOf, MiB, segment } from '../../../test/boot-images.js';
import { BootParams } from '../../abi/bootparam/index.js';
import { bytesSource } from '../../boot/byte-source.js';
import type { BootPlan } from './plan.js';
import { planBoot } from './plan-boot.js';

function plan(elf: Parameters<typeof elfImage>[0] = {}, image: object = {}): BootPlan {
  const planned = planBoot({ kernel: bytesSource(elfImage(elf)), ...image }, { memorySize: 64 * MiB });
  expect(faultsOf(planned)).toEqual([]);
  return planned;
}

const code = Buffer.alloc(0x100);

test('an ELF kernel without a note is entered in long mode, with a zero page of its own', () => {
  const planned = plan({ entry: 0x100_0040n }, { cmdline: 'quiet', initrd: bytesSource(code) });
  const page = segment(planned, 'the zero page');
  expect(planned).toMatchObject({ protocol: 'elf64', entry: { mode: 'long', rip: 0x100_0040n, rsi: page.addr } });
  const { hdr, e820Entries } = BootParams.at(contentOf(page));
  expect(hdr).toMatchObject({ bootFlag: 0xaa55, header: 0x5372_6448, loadflags: 1, typeOfLoader: 0xff });
  expect([hdr.ramdiskImage, hdr.ramdiskSize, e820Entries]).toEqual([64 * MiB - 0x1000, 0x100, 2]);
});

test('an entry may be a virtual address', () => {
  const segments = [{ paddr: 0x100_0000n, vaddr: 0xffff_ffff_8100_0000n, data: code }];
  expect(plan({ segments, entry: 0xffff_ffff_8100_0010n }).entry.rip).toBe(0x100_0010n);
});

test.each([
  ['a 32-bit kernel', { bits: 32, machine: 3 }, 'the kernel is a 32-bit one'],
  ['an entry outside', { entry: 0x100_0100n }, 'the entry of the kernel, 0x1000100, is in none of its segments'],
  ['another architecture', { machine: 183 }, 'the kernel is for arm64, and this machine is x86-64'],
  ['an unknown architecture', { machine: 9999 }, 'the kernel is for machine 9999'],
] as const)('%s is refused', (_, elf, message) => {
  expect(() => plan(elf)).toThrow(message);
});

test('an entry above 4 GiB is refused, where nothing is mapped', () => {
  const kernel = bytesSource(elfImage({ entry: 2n ** 32n, segments: [{ paddr: 2n ** 32n, data: code }] }));
  expect(() => planBoot({ kernel }, { memorySize: 5 * 1024 * MiB })).toThrow('none of its segments below 4 GiB');
});

test('modules are refused, and a command line that Linux would cut', () => {
  expect(() => plan({}, { modules: [{ source: bytesSource(code) }] })).toThrow('modules are for PVH and multiboot');
  expect(() => plan({}, { cmdline: 'x'.repeat(2048) })).toThrow('the limit is 2047');
});

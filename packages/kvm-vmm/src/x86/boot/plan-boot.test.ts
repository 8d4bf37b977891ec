import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bzImage, contentOf, elfImage, faultsOf, MiB, segment } from '../../../test/boot-images.js';
import { bytesSource } from '../../boot/byte-source.js';
import type { BootPlan, BootProtocol } from './plan.js';
import { planBoot } from './plan-boot.js';

function plan(kernel: Uint8Array, protocol?: BootProtocol): BootPlan {
  const planned = planBoot({ kernel: bytesSource(kernel) }, { memorySize: 64 * MiB, protocol });
  expect(faultsOf(planned)).toEqual([]);
  return planned;
}

const elf = elfImage({ pvh: 0x100_0000n });

test('the image decides by which protocol it is booted', () => {
  expect(plan(bzImage()).protocol).toBe('bzimage');
  expect(plan(elf).protocol).toBe('pvh');
  expect(plan(elfImage()).protocol).toBe('elf64');
});

test('another protocol can be asked for', () => {
  expect(plan(bzImage(), 'bzimage').protocol).toBe('bzimage');
  expect(plan(elf, 'pvh').protocol).toBe('pvh');
  expect(plan(elf, 'elf64').protocol).toBe('elf64');
  expect(() => plan(elf, 'bzimage')).toThrow('the kernel is an ELF file, not a bzImage');
  expect(() => plan(elf, 'multiboot')).toThrow('the kernel has no multiboot header in its first 8 KiB');
  expect(() => plan(elf, 'flat' as never)).toThrow('there is no boot protocol "flat": bzimage, pvh, elf64, multiboot');
});

test('a bzImage is unpacked for the protocols of the kernel inside', () => {
  const image = bzImage({}, gzipSync(elf));
  expect(plan(image).protocol).toBe('bzimage');
  const planned = plan(image, 'pvh');
  expect(planned.entry.rip).toBe(0x100_0000n);
  expect(contentOf(segment(planned, 'segment 0 of the kernel'))).toEqual(Buffer.alloc(0x100, 0xf4));
  expect(plan(image, 'elf64').protocol).toBe('elf64');
  expect(() => plan(bzImage({}, Buffer.from('no kernel')), 'pvh')).toThrow('an unknown compression');
  expect(() => plan(bzImage({ payloadLength: 0xffff_fff0 }, gzipSync(elf)), 'pvh')).toThrow(
    'payload is not in the file',
  );
  expect(() => plan(bzImage({}, gzipSync(bzImage())), 'pvh')).toThrow('neither a bzImage, nor an ELF file');
  expect(() => plan(bzImage({}, Buffer.from('fd377a585a000004', 'hex')), 'pvh')).toThrow('compressed with XZ');
});

test('a compressed file is unpacked', () => {
  expect(plan(gzipSync(elf)).protocol).toBe('pvh');
  expect(plan(gzipSync(bzImage())).protocol).toBe('bzimage');
  const foreign = Buffer.alloc(64);
  foreign.write('ARM\x64', 0x38, 'latin1');
  expect(() => plan(gzipSync(foreign))).toThrow('the kernel is an arm64 Image');
});

test.each([
  ['ARM\x64', 0x38, 'an arm64 Image'],
  ['RSC\x05', 0x38, 'a riscv Image'],
  ['\x18\x28\x6f\x01', 0x24, 'an arm zImage'],
  ['MZ\0\0zimg', 0, 'an EFI image of another architecture, with a compressed kernel'],
  ['\x27\x05\x19\x56', 0, 'a U-Boot image'],
  ['MZ', 0, 'an EFI or Windows program without a Linux setup header'],
  ['#!/bin/sh', 0, 'neither a bzImage, nor an ELF file, nor a multiboot kernel'],
])('%j at %i is named', (magic, offset, what) => {
  const image = Buffer.alloc(0x400);
  image.write(magic, offset, 'latin1');
  expect(() => plan(image)).toThrow(`the kernel is ${what}`);
});

test('every truncation of an image is refused', () => {
  for (const image of [bzImage({ initSize: 0 }), elf]) {
    for (let length = 0; length < image.length; length++) {
      const kernel = bytesSource(image.subarray(0, length));
      expect(() => planBoot({ kernel }, { memorySize: 64 * MiB })).toThrow(/^the kernel /);
    }
  }
});

test('wrong arguments are refused', () => {
  const kernel = bytesSource(elf);
  const environment = { memorySize: 64 * MiB };
  expect(() => planBoot({ kernel: elf as never }, environment)).toThrow('must be a source of bytes');
  expect(() => planBoot({ kernel, initrd: 'path' as never }, environment)).toThrow('must be a source of bytes');
  expect(() => planBoot({ kernel, comandLine: '' } as never, environment)).toThrow('there is no option comandLine');
  expect(() => planBoot({ kernel, cmdline: 5 as never }, environment)).toThrow('the command line must be a string');
  expect(() => planBoot({ kernel }, { memorySize: '64M' as never })).toThrow("the size of a guest's memory");
  expect(() => planBoot({ kernel }, { ...environment, rsdp: -1n })).toThrow('rsdp must be a bigint');
  expect(() => planBoot({ kernel, modules: {} as never }, environment)).toThrow('modules must be an array');
  expect(() => planBoot({ kernel, modules: ['path' as never] }, environment)).toThrow(
    'a module must be a plain object',
  );
  expect(() => planBoot({ kernel }, { ...environment, setupData: 5 as never })).toThrow('setupData must be an array');
});

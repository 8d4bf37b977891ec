import { LOADED_HIGH, SetupHeader } from '../../abi/bootparam/index.js';
import type { ByteSource } from '../../boot/byte-source.js';
import type { Elf } from '../../boot/elf.js';
import { badImage, hex } from '../../boot/image-error.js';
import { linuxCommandLineLimit } from './command-line.js';
import { addElfSegments, isLoaded, physicalAddress } from './elf-segments.js';
import { Layout } from './layout.js';
import { addLinuxParams } from './linux-params.js';
import { addLongMode } from './long-mode.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';

const fourGiB = 0x1_0000_0000n;

/**
 * Plans an ELF kernel by the entry of its ELF header, with what the 64-bit protocol passes. An unpacked kernel has no
 * setup header, so it gets one that says what a loader is sure of.
 */
export function planElf64(kernel: ByteSource, elf: Elf, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { memorySize } = environment;
  if (elf.bits !== 64) throw badImage('the kernel is a 32-bit one: its ELF file has no 64-bit entry');
  const layout = new Layout(memorySize);
  addElfSegments(layout, kernel, elf);
  // Linux has the physical address in its ELF header, other kernels the virtual one.
  const rip = isLoaded(elf, elf.entry) ? elf.entry : physicalAddress(elf, elf.entry);
  if (rip === undefined || rip >= fourGiB) {
    throw badImage(`the entry of the kernel, ${hex(elf.entry)}, is in none of its segments below 4 GiB`);
  }
  const header = SetupHeader.from({
    bootFlag: 0xaa55,
    // "HdrS"
    header: 0x5372_6448,
    version: 0x020c,
    loadflags: LOADED_HIGH,
    kernelAlignment: 0x20_0000,
  });
  // What is loaded is the kernel itself, which maps all memory before it looks at the initrd.
  const initrdEnd = layout.ram.at(-1)?.end as bigint;
  addLinuxParams(layout, header, image, environment, { cmdlineSize: linuxCommandLineLimit, initrdEnd });
  const entry = addLongMode(layout, rip);
  return { protocol: 'elf64', memorySize, segments: layout.segments, entry };
}

import { KvmError } from '@kvm/core';
import { type ByteSource, readBytes } from '../../boot/byte-source.js';
import { type Elf, isElf, parseElf } from '../../boot/elf.js';
import { badImage, hex } from '../../boot/image-error.js';
import { addElfSegments, checkMachine, isLoaded, physicalAddress } from './elf-segments.js';
import { gdt } from './entry-state.js';
import { Layout, Structures } from './layout.js';
import { addModules } from './modules.js';
import { multibootInfo } from './multiboot-info.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';

const headerMagic = 0x1bad_b002;
const loaderMagic = 0x2bad_b002n;
/** The header begins in the first 8 KiB. */
const searchSize = 8192;
const headerSize = 32;
const fourGiB = 0x1_0000_0000n;

/** Flags of the header. The lower half are demands: a loader that does not know one must not load the kernel. */
const Flag = { PageAlign: 1 << 0, MemoryInfo: 1 << 1, Addresses: 1 << 16 } as const;
const demands = 0xffff;

/** A header of Multiboot 1, and where in the file it is. */
export interface MultibootHeader {
  readonly at: number;
  readonly flags: number;
  /** Of the fields that `Flag.Addresses` makes valid. */
  readonly addresses: Addresses;
}

interface Addresses {
  readonly header: number;
  readonly load: number;
  readonly loadEnd: number;
  readonly bssEnd: number;
  readonly entry: number;
}

/** Finds the header: a magic number, flags, and a checksum that makes their sum zero. */
export function findMultiboot(kernel: ByteSource): MultibootHeader | undefined {
  const found = readBytes(kernel, 0, Math.min(kernel.size, searchSize + headerSize));
  const head = Buffer.concat([found, Buffer.alloc(headerSize)]);
  for (let at = 0; at < searchSize && at + 12 <= found.length; at += 4) {
    const word = (index: number): number => head.readUInt32LE(at + 4 * index);
    if (word(0) !== headerMagic || (word(0) + word(1) + word(2)) % 2 ** 32 !== 0) continue;
    const addresses = { header: word(3), load: word(4), loadEnd: word(5), bssEnd: word(6), entry: word(7) };
    return { at, flags: word(1), addresses };
  }
  return undefined;
}

/** Plans a kernel by Multiboot 0.6.96, https://www.gnu.org/software/grub/manual/multiboot/multiboot.html */
export function planMultiboot(
  kernel: ByteSource,
  header: MultibootHeader,
  image: LinuxImage,
  environment: BootEnvironment,
): BootPlan {
  const { memorySize, setupData = [] } = environment;
  if (setupData.length > 0) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'multiboot has no place for setup data');
  const unknown = header.flags & demands & ~(Flag.PageAlign | Flag.MemoryInfo);
  if (unknown !== 0)
    throw badImage(`the kernel demands of its loader what there is not: multiboot flags ${hex(unknown)}`);
  const layout = new Layout(memorySize);
  const rip = (header.flags & Flag.Addresses) === 0 ? addElf(layout, kernel) : addByAddresses(layout, kernel, header);
  const modules = addModules(layout, image);
  layout.addStructure("multiboot's information", Structures.info, multibootInfo(layout.ram, modules));
  layout.addStructure('the descriptor table', Structures.gdt, gdt('protected'));
  const entry = { mode: 'protected', rip, rax: loaderMagic, rbx: Structures.info, rsi: 0n } as const;
  return { protocol: 'multiboot', memorySize, segments: layout.segments, entry };
}

/** Adds the segments of an ELF file, and returns its entry: a physical address, or a virtual one of a segment. */
function addElf(layout: Layout, kernel: ByteSource): bigint {
  if (!isElf(readBytes(kernel, 0, Math.min(kernel.size, 4)))) {
    throw badImage('the multiboot kernel is no ELF file, and its header has no addresses');
  }
  const elf: Elf = parseElf(kernel);
  checkMachine(elf);
  addElfSegments(layout, kernel, elf);
  const rip = isLoaded(elf, elf.entry) ? elf.entry : physicalAddress(elf, elf.entry);
  if (rip === undefined || rip >= fourGiB) {
    throw badImage(`the entry of the kernel, ${hex(elf.entry)}, is in none of its segments below 4 GiB`);
  }
  return rip;
}

/** Adds what the header's addresses say, which come before those of an ELF file, and returns the entry. */
function addByAddresses(layout: Layout, kernel: ByteSource, { at, addresses }: MultibootHeader): bigint {
  const { header, load, loadEnd, bssEnd, entry } = addresses;
  const offset = at - (header - load);
  if (header < load || offset < 0) {
    throw badImage(
      `the kernel's multiboot header is at ${hex(header)}, which does not fit its load address ${hex(load)}`,
    );
  }
  const end = loadEnd === 0 ? load + kernel.size - offset : loadEnd;
  const size = end - load;
  if (size <= 0) throw badImage(`the kernel ends at ${hex(end)}, before it begins at ${hex(load)}`);
  if (offset + size > kernel.size) {
    throw badImage(`the kernel is truncated: its multiboot header asks for bytes up to ${offset + size}`);
  }
  if (bssEnd !== 0 && bssEnd < end) throw badImage(`the kernel's memory ends at ${hex(bssEnd)}, before its bytes do`);
  if (entry < load || entry >= end) throw badImage(`the entry of the kernel, ${hex(entry)}, is not in what is loaded`);
  const room = BigInt((bssEnd === 0 ? end : bssEnd) - load);
  layout.add({ name: 'the kernel', addr: BigInt(load), size, room, source: kernel, offset });
  return BigInt(entry);
}

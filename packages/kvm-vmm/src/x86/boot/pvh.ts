import { KvmError } from '@kvm/core';
import { u64 } from '@kvm/core/struct';
import {
  HvmMemmapTableEntry,
  HvmModlistEntry,
  HvmStartInfo,
  XEN_HVM_MEMMAP_TYPE_RAM,
  XEN_HVM_START_MAGIC_VALUE,
} from '../../abi/start-info/index.js';
import type { ByteSource } from '../../boot/byte-source.js';
import type { Elf } from '../../boot/elf.js';
import { findNote } from '../../boot/elf-note.js';
import { badImage, hex } from '../../boot/image-error.js';
import { addElfSegments, isLoaded } from './elf-segments.js';
import { gdt } from './entry-state.js';
import { Layout, Structures } from './layout.js';
import { addModules } from './modules.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';

/** `XEN_ELFNOTE_PHYS32_ENTRY` of Xen's public/elfnote.h. */
const physicalEntryNote = 18;
const fourGiB = 0x1_0000_0000n;

/** The physical address of a kernel's PVH entry; undefined for a kernel without one. */
export function pvhEntry(source: ByteSource, elf: Elf): bigint | undefined {
  const content = findNote(source, elf, 'Xen', physicalEntryNote);
  if (content?.length === 4) return BigInt(content.readUInt32LE());
  return content?.length === 8 ? content.readBigUInt64LE() : undefined;
}

/** Plans an ELF kernel by its PVH entry, Xen's docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h. */
export function planPvh(kernel: ByteSource, elf: Elf, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { memorySize, rsdp = 0n, setupData = [] } = environment;
  if (setupData.length > 0) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'PVH has no place for setup data');
  const rip = pvhEntry(kernel, elf);
  if (rip === undefined) throw badImage('the kernel has no PVH entry: it lacks the note XEN_ELFNOTE_PHYS32_ENTRY');
  const layout = new Layout(memorySize);
  addElfSegments(layout, kernel, elf);
  // The entry is 32-bit code.
  if (!isLoaded(elf, rip) || rip >= fourGiB) {
    throw badImage(`the PVH entry of the kernel, ${hex(rip)}, is in none of its segments below 4 GiB`);
  }

  const { cmdlinePaddr, modules } = addModules(layout, image);
  const modlistPaddr = Structures.info + BigInt(HvmStartInfo.size);
  const memmapPaddr = modlistPaddr + BigInt(modules.length * HvmModlistEntry.size);
  const parts = [
    HvmStartInfo.from({
      magic: XEN_HVM_START_MAGIC_VALUE,
      version: 1,
      nrModules: modules.length,
      modlistPaddr: modules.length > 0 ? modlistPaddr : 0n,
      cmdlinePaddr,
      rsdpPaddr: u64(rsdp, 'rsdp'),
      memmapPaddr,
      memmapEntries: layout.ram.length,
    }),
    ...modules.map(({ addr, size, cmdlineAddr }) =>
      HvmModlistEntry.from({ paddr: addr, size: BigInt(size), cmdlinePaddr: cmdlineAddr }),
    ),
    ...layout.ram.map(({ start, end }) =>
      HvmMemmapTableEntry.from({ addr: start, size: end - start, type: XEN_HVM_MEMMAP_TYPE_RAM }),
    ),
  ];
  layout.addStructure('the start info', Structures.info, Buffer.concat(parts.map(({ bytes }) => bytes)));
  layout.addStructure('the descriptor table', Structures.gdt, gdt('protected'));
  const entry = { mode: 'protected', rip, rax: 0n, rbx: Structures.info, rsi: 0n } as const;
  return { protocol: 'pvh', memorySize, segments: layout.segments, entry };
}

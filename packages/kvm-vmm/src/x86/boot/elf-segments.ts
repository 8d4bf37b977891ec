import type { ByteSource } from '../../boot/byte-source.js';
import { type Elf, ElfMachine, ElfSegment, machineName, type ProgramHeader } from '../../boot/elf.js';
import { badImage } from '../../boot/image-error.js';
import type { Layout } from './layout.js';

const addressEnd = 1n << 64n;

/** Throws for an ELF file of another architecture. */
export function checkMachine({ machine }: Elf): void {
  if (machine !== ElfMachine.X86_64 && machine !== ElfMachine.I386) {
    throw badImage(`the kernel is for ${machineName(machine)}, and this machine is x86-64`);
  }
}

/** Adds the loadable segments of an ELF kernel at their physical addresses. */
export function addElfSegments(layout: Layout, source: ByteSource, elf: Elf): void {
  const loadable = loadableHeaders(elf);
  if (loadable.length === 0) throw badImage('the ELF file of the kernel has nothing to load');
  for (const { index, offset, paddr, filesz, memsz } of loadable) {
    const name = `segment ${index} of the kernel`;
    if (filesz > memsz) throw badImage(`${name} has ${filesz} bytes in the file and ${memsz} in memory`);
    if (paddr + memsz > addressEnd) throw badImage(`${name} ends beyond the address space`);
    if (offset + filesz > BigInt(source.size)) {
      throw badImage(`the kernel is truncated: ${name} ends at ${offset + filesz} of ${source.size} bytes`);
    }
    layout.add({ name, addr: paddr, size: Number(filesz), room: memsz, source, offset: Number(offset) });
  }
}

/** Whether a physical address is in what the file brings to memory. */
export function isLoaded(elf: Elf, address: bigint): boolean {
  return loadableHeaders(elf).some(({ paddr, filesz }) => address >= paddr && address < paddr + filesz);
}

/** The physical address of a virtual one; undefined if no segment is mapped there. */
export function physicalAddress(elf: Elf, address: bigint): bigint | undefined {
  const found = loadableHeaders(elf).find(({ vaddr, filesz }) => address >= vaddr && address < vaddr + filesz);
  return found && address - found.vaddr + found.paddr;
}

function loadableHeaders({ headers }: Elf): (ProgramHeader & { index: number })[] {
  return headers
    .map((header, index) => ({ ...header, index }))
    .filter(({ type, memsz }) => type === ElfSegment.Load && memsz > 0n);
}

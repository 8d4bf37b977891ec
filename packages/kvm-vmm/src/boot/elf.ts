import { type ByteSource, readBytes } from './byte-source.js';
import { badImage } from './image-error.js';

/** An ELF file: what a loader needs of it. ELF-64 Object File Format 1.5, System V ABI. */
export interface Elf {
  readonly bits: 32 | 64;
  readonly machine: number;
  readonly entry: bigint;
  /** The program headers, in the order of the file. */
  readonly headers: readonly ProgramHeader[];
}

/** `Elf32_Phdr` or `Elf64_Phdr`. */
export interface ProgramHeader {
  readonly type: number;
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly filesz: bigint;
  readonly memsz: bigint;
}

export const ElfMachine = { I386: 3, X86_64: 62 } as const;
export const ElfSegment = { Load: 1, Note: 4 } as const;

/** The architectures that run Linux, by `e_machine`. */
const machineNames: ReadonlyMap<number, string> = new Map([
  [2, 'sparc'],
  [3, 'i386'],
  [4, 'm68k'],
  [8, 'mips'],
  [15, 'parisc'],
  [20, 'powerpc'],
  [21, 'powerpc64'],
  [22, 's390'],
  [40, 'arm'],
  [43, 'sparc64'],
  [62, 'x86-64'],
  [183, 'arm64'],
  [243, 'riscv'],
  [258, 'loongarch'],
]);

/** The name of an ELF file's architecture, for errors. */
export function machineName(machine: number): string {
  return machineNames.get(machine) ?? `machine ${machine}`;
}

/** Where the fields are: ELF32 has narrower addresses, and another order in program headers. */
const layouts = {
  32: { ehdr: 52, phdr: 32, phoff: 28, phentsize: 42, offset: 4, vaddr: 8, paddr: 12, filesz: 16, memsz: 20 },
  64: { ehdr: 64, phdr: 56, phoff: 32, phentsize: 54, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40 },
} as const;

/** More than any kernel has; without a limit, a hostile file has 65,535. */
const mostHeaders = 256;

export function isElf(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46;
}

/**
 * Reads the headers of a little-endian ELF executable.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that is truncated, or that no loader can load.
 */
export function parseElf(source: ByteSource): Elf {
  const head = readBytes(source, 0, Math.min(source.size, layouts[64].ehdr));
  if (!isElf(head)) throw badImage('the kernel is not an ELF file');
  if (head.length < layouts[32].ehdr) throw badImage('the kernel is truncated: it ends in its ELF header');
  const bits = elfClass(head);
  const isBigEndian = head[5] === 2;
  const machine = isBigEndian ? head.readUInt16BE(18) : head.readUInt16LE(18);
  if (isBigEndian) throw badImage(`the kernel is for ${machineName(machine)}, big-endian`);
  const { ehdr, phdr, phoff, phentsize } = layouts[bits];
  if (head.length < ehdr) throw badImage('the kernel is truncated: it ends in its ELF header');
  const word = wordReader(head, bits);
  const count = head.readUInt16LE(phentsize + 2);
  if (count === 0) throw badImage('the ELF file of the kernel has no program headers, so it cannot be loaded');
  if (count > mostHeaders) throw badImage(`the ELF file of the kernel has ${count} program headers`);
  if (head.readUInt16LE(phentsize) !== phdr) {
    throw badImage(`the ELF file of the kernel has program headers of ${head.readUInt16LE(phentsize)} bytes`);
  }
  const start = word(phoff);
  if (start + BigInt(count * phdr) > BigInt(source.size)) {
    throw badImage('the kernel is truncated: it ends before its program headers');
  }
  const table = readBytes(source, Number(start), count * phdr);
  const headers = Array.from({ length: count }, (_, i) => programHeader(table.subarray(i * phdr), bits));
  return { bits, machine, entry: word(24), headers };
}

function elfClass(head: Buffer): 32 | 64 {
  if (head[4] === 1) return 32;
  if (head[4] === 2) return 64;
  throw badImage(`the ELF file of the kernel is of class ${head[4]}, neither 32 nor 64 bits`);
}

/** Reads an address of a file's class. */
function wordReader(bytes: Buffer, bits: 32 | 64): (offset: number) => bigint {
  return bits === 64 ? (at) => bytes.readBigUInt64LE(at) : (at) => BigInt(bytes.readUInt32LE(at));
}

function programHeader(bytes: Buffer, bits: 32 | 64): ProgramHeader {
  const { offset, vaddr, paddr, filesz, memsz } = layouts[bits];
  const word = wordReader(bytes, bits);
  return {
    type: bytes.readUInt32LE(0),
    offset: word(offset),
    vaddr: word(vaddr),
    paddr: word(paddr),
    filesz: word(filesz),
    memsz: word(memsz),
  };
}

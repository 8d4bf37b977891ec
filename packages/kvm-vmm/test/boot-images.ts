import { SetupHeader } from '../src/abi/bootparam/index.js';
import { ramRanges } from '../src/x86/boot/layout.js';
import type { BootPlan, BootSegment } from '../src/x86/boot/plan.js';

export const MiB = 2 ** 20;

/** A bzImage with 64-bit code: one setup sector, the header, and 4 KiB to load that end in the payload. */
export function bzImage(
  fields: Partial<Record<keyof SetupHeader, unknown>> = {},
  payload: Uint8Array = Buffer.alloc(0x100),
): Buffer {
  const setupSize = 1024;
  const loaded = 0x1000 + Math.ceil(payload.length / 16) * 16;
  const image = Buffer.alloc(setupSize + loaded, 0xcc);
  image.fill(0, 0, setupSize);
  const header = SetupHeader.from({
    setupSects: 1,
    syssize: loaded / 16,
    bootFlag: 0xaa55,
    jump: 0x6aeb,
    header: 0x5372_6448,
    version: 0x020f,
    loadflags: 0x01,
    initrdAddrMax: 0x7fff_ffff,
    kernelAlignment: 0x20_0000,
    relocatableKernel: 1,
    xloadflags: 0x3f,
    cmdlineSize: 2047,
    payloadOffset: 0x1000,
    payloadLength: payload.length,
    prefAddress: 0x100_0000n,
    initSize: 0x80_0000,
  });
  header.assign(fields as never);
  image.set(header.bytes, 0x1f1);
  image.set(payload, setupSize + 0x1000);
  return image;
}

export interface ElfOptions {
  bits?: 32 | 64;
  machine?: number;
  entry?: bigint;
  segments?: readonly ElfPart[];
  /** The physical address in a PVH note; no note without it. */
  pvh?: bigint;
}

interface ElfPart {
  paddr: bigint;
  vaddr?: bigint;
  memsz?: bigint;
  data: Uint8Array;
}

/** An ELF executable with segments at 16 MiB, and a PVH note if wanted. */
export function elfImage({ bits = 64, machine = 62, entry = 0x100_0000n, segments, pvh }: ElfOptions = {}): Buffer {
  const parts: readonly (ElfPart & { type: number })[] = [
    ...(segments ?? [{ paddr: 0x100_0000n, data: Buffer.alloc(0x100, 0xf4) }]).map((part) => ({ ...part, type: 1 })),
    ...(pvh === undefined ? [] : [{ type: 4, paddr: 0n, data: xenNote(pvh) }]),
  ];
  const [ehdr, phdr] = bits === 64 ? [64, 56] : [52, 32];
  const header = Buffer.alloc(ehdr + parts.length * phdr);
  const word = (value: bigint, at: number): void => {
    if (bits === 64) header.writeBigUInt64LE(value, at);
    else header.writeUInt32LE(Number(value), at);
  };
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  word(entry, 24);
  word(BigInt(ehdr), bits === 64 ? 32 : 28);
  header.writeUInt16LE(phdr, bits === 64 ? 54 : 42);
  header.writeUInt16LE(parts.length, bits === 64 ? 56 : 44);
  let offset = header.length;
  for (const [i, { type, paddr, vaddr, memsz, data }] of parts.entries()) {
    const at = ehdr + i * phdr;
    header.writeUInt32LE(type, at);
    const fields = [BigInt(offset), vaddr ?? paddr, paddr, BigInt(data.length), memsz ?? BigInt(data.length)];
    for (const [j, value] of fields.entries()) word(value, at + (bits === 64 ? 8 + 8 * j : 4 + 4 * j));
    offset += data.length;
  }
  return Buffer.concat([header, ...parts.map(({ data }) => data)]);
}

/** `XEN_ELFNOTE_PHYS32_ENTRY`, after a note of the same number by another owner. */
function xenNote(entry: bigint): Buffer {
  const note = (owner: string, value: bigint): Buffer => {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt32LE(4, 0);
    bytes.writeUInt32LE(8, 4);
    bytes.writeUInt32LE(18, 8);
    bytes.write(`${owner}\0`, 12, 'latin1');
    bytes.writeBigUInt64LE(value, 16);
    return bytes;
  };
  return Buffer.concat([note('GNU', 1n), note('Xen', entry)]);
}

export interface MultibootAddresses {
  header?: number;
  load?: number;
  loadEnd?: number;
  bssEnd?: number;
  entry?: number;
}

/** A header of Multiboot 1. */
export function multibootHeader(flags: number, addresses: MultibootAddresses = {}): Buffer {
  const { header = 0, load = 0, loadEnd = 0, bssEnd = 0, entry = 0 } = addresses;
  const checksum = -(0x1bad_b002 + flags);
  const words = [0x1bad_b002, flags, checksum, header, load, loadEnd, bssEnd, entry];
  return Buffer.from(Uint32Array.from(words).buffer);
}

/** A segment of a plan by its name. */
export function segment(plan: BootPlan, name: string): BootSegment {
  const found = plan.segments.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no ${name} in ${plan.segments.map((each) => each.name)}`);
  return found;
}

/** The bytes that a segment brings to memory. */
export function contentOf({ source, offset, size }: BootSegment): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(size);
  source.read(offset, bytes);
  return bytes;
}

/** What is wrong with a plan: segments that overlap, or leave RAM or their sources. */
export function faultsOf({ segments, memorySize }: BootPlan): string[] {
  const faults: string[] = [];
  const ram = ramRanges(memorySize);
  for (const [i, { name, addr, room, size, offset, source }] of segments.entries()) {
    const end = addr + room;
    if (!ram.some((each) => addr >= each.start && end <= each.end)) faults.push(`${name} is outside RAM`);
    if (BigInt(size) > room) faults.push(`${name} has more bytes than room`);
    if (offset < 0 || offset + size > source.size) faults.push(`${name} leaves its source`);
    const other = segments.find((each, j) => j > i && addr < each.addr + each.room && each.addr < end);
    if (other !== undefined) faults.push(`${name} overlaps ${other.name}`);
  }
  return faults;
}

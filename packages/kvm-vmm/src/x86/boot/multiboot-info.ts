import { type Range, Structures } from './layout.js';
import type { Modules } from './modules.js';

/** Bytes of the information, of an entry of the memory map, and of a module. */
const infoSize = 116;
const mapEntrySize = 24;
const moduleSize = 16;
const availableRam = 1;

/** Which fields of the information are valid. */
const Flag = { Memory: 1 << 0, CommandLine: 1 << 2, Modules: 1 << 3, MemoryMap: 1 << 6 } as const;

/**
 * What a kernel is given by Multiboot 0.6.96, section 3.3: the information, at `Structures.info`, then the modules and
 * the memory map. All of it lies below 4 GiB.
 */
export function multibootInfo(ram: readonly Range[], { cmdlinePaddr, modules }: Modules): Uint8Array {
  const modulesAt = infoSize;
  const mapAt = modulesAt + modules.length * moduleSize;
  const bytes = Buffer.alloc(mapAt + ram.length * mapEntrySize);
  const words = (at: number, ...values: readonly (bigint | number)[]): void => {
    for (const [i, value] of values.entries()) bytes.writeUInt32LE(Number(value), at + 4 * i);
  };
  const paddr = (at: number): number => Number(Structures.info) + at;

  words(0, Flag.Memory | Flag.CommandLine | Flag.Modules | Flag.MemoryMap);
  // KiB of memory from 0 and from 1 MiB on.
  words(4, ...ram.slice(0, 2).map(({ start, end }) => (end - start) >> 10n));
  words(16, cmdlinePaddr, modules.length, paddr(modulesAt));
  words(44, ram.length * mapEntrySize, paddr(mapAt));
  for (const [i, { addr, size, cmdlineAddr }] of modules.entries()) {
    words(modulesAt + i * moduleSize, addr, addr + BigInt(size), cmdlineAddr);
  }
  for (const [i, { start, end }] of ram.entries()) {
    const at = mapAt + i * mapEntrySize;
    // The size of an entry does not count its own four bytes.
    words(at, mapEntrySize - 4);
    bytes.writeBigUInt64LE(start, at + 4);
    bytes.writeBigUInt64LE(end - start, at + 12);
    words(at + 20, availableRam);
  }
  return bytes;
}

import { KvmError } from '@kvm/core';
import { type ByteSource, bytesSource } from '../../boot/byte-source.js';
import { doesNotFit, hex } from '../../boot/image-error.js';
import { lowMemoryEnd } from '../../memory/memory-map.js';
import type { BootSegment } from './plan.js';

/** Guest-physical addresses, the end exclusive. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** Where a boot loader's structures lie: each has the memory up to the next. */
export const Structures = {
  gdt: 0x1000n,
  /** Long mode's page tables. */
  pageTables: 0x2000n,
  /** What the kernel is given: `struct boot_params`, `struct hvm_start_info` or multiboot's information. */
  info: 0x8000n,
  commandLines: 0x1_0000n,
  setupData: 0x2_0000n,
  end: 0x3_0000n,
} as const;

const MiB = 0x10_0000n;
/** The end of conventional memory: from here to 1 MiB lie the BIOS's data, video memory, and ACPI tables. */
const conventionalEnd = 0x9_fc00n;
const fourGiB = 0x1_0000_0000n;
const pageMask = 0xfffn;

const leastMemory = 2 * 2 ** 20;

/** The RAM of a machine as the kernel is told of it, in order of addresses. */
export function ramRanges(memorySize: number): readonly Range[] {
  const lowEnd = lowMemoryEnd(memorySize);
  if (memorySize < leastMemory) throw doesNotFit(`a kernel needs at least 2 MiB of memory, not ${memorySize} bytes`);
  const ranges = [
    { start: 0n, end: conventionalEnd },
    { start: MiB, end: lowEnd },
  ];
  const high = BigInt(memorySize) - lowEnd;
  return high > 0n ? [...ranges, { start: fourGiB, end: fourGiB + high }] : ranges;
}

/** Finds places in a guest's memory. Every segment that is added lies in RAM and overlaps no other. */
export class Layout {
  readonly ram: readonly Range[];
  readonly segments: BootSegment[] = [];
  /** Segments of an image must not lie in the structures, which are added as they are made. */
  readonly #taken: (Range & { readonly name: string })[] = [
    { name: "the boot loader's structures", start: 0n, end: Structures.end },
  ];

  constructor(memorySize: number) {
    this.ram = ramRanges(memorySize);
  }

  /**
   * Adds bytes at the address that the image wants.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if that is not RAM, or not free.
   */
  add(segment: BootSegment): void {
    const { name, addr, room } = segment;
    const end = addr + room;
    if (!this.ram.some((each) => addr >= each.start && end <= each.end)) {
      throw doesNotFit(`${name} needs ${hex(addr)} to ${hex(end - 1n)}, which is not all memory (${this.#ramText()})`);
    }
    const other = this.#taken.find((each) => addr < each.end && each.start < end);
    if (other !== undefined) {
      throw doesNotFit(
        `${name} at ${hex(addr)} to ${hex(end - 1n)} overlaps ${other.name} at ${hex(other.start)} to ` +
          hex(other.end - 1n),
      );
    }
    this.#taken.push({ name, start: addr, end });
    this.segments.push(segment);
  }

  /**
   * Adds all bytes of a source at the highest free page from which they end below a limit: between 1 MiB and 4 GiB if
   * there is room, else above. Returns their address.
   */
  addBelow(limit: bigint, name: string, source: ByteSource): bigint {
    if (source.size === 0) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name} is empty`);
    const room = BigInt(source.size);
    const addr = this.#highest(room, limit);
    if (addr === undefined) {
      throw doesNotFit(
        `${name} of ${source.size} bytes does not fit: it must end below ${hex(limit)}, and beside ` +
          `${this.#taken.map((each) => each.name).join(', ')} there is no such room (${this.#ramText()})`,
      );
    }
    this.add({ name, addr, size: source.size, room, source, offset: 0 });
    return addr;
  }

  #highest(room: bigint, limit: bigint): bigint | undefined {
    for (const range of this.ram.slice(1)) {
      // A free place ends at the limit, at the end of the range, or where something begins.
      const ends = [range.end, limit, ...this.#taken.map(({ start }) => start)]
        .filter((end) => end <= range.end && end <= limit)
        .sort((a, b) => (a < b ? 1 : -1));
      for (const end of ends) {
        const addr = (end - room) & ~pageMask;
        const isFree = this.#taken.every((each) => addr + room <= each.start || addr >= each.end);
        if (addr >= range.start && isFree) return addr;
      }
    }
    return undefined;
  }

  /** Adds a structure among the boot loader's. */
  addStructure(name: string, addr: bigint, bytes: Uint8Array): void {
    const room = BigInt(bytes.length);
    this.segments.push({ name, addr, size: bytes.length, room, source: bytesSource(bytes), offset: 0 });
  }

  #ramText(): string {
    return `memory: ${this.ram.map(({ start, end }) => `${hex(start)} to ${hex(end - 1n)}`).join(', ')}`;
  }
}

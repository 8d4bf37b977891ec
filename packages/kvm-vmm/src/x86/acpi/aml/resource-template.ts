import { KvmError } from '@kvm/core';
import { bigInteger, integer, optionsOf, u32 } from '@kvm/core/struct';
import { type Aml, join, littleEndian } from './bytes.js';
import { buffer } from './data.js';
import { type MemoryResource, type MemoryWindow, type Resource, signalBits } from './resource.js';

/** ACPI 6.5, 6.4: the first byte of each descriptor. */
const Tag = {
  irq: 0x23,
  io: 0x47,
  end: [0x79, 0],
  memory32Fixed: 0x86,
  dwordSpace: 0x87,
  wordSpace: 0x88,
  interrupt: 0x89,
  qwordSpace: 0x8a,
};
const Space = { memory: 0, io: 1, busNumbers: 2 };
const consumer = 1;
/** Both ends of the window are as given: the guest may not move it. */
const fixed = 0b1100;
const readWrite = 1;
const prefetchable = 0b110;
/** Ports that are ISA's as well as others. */
const entireRange = 0b11;
const fourGiB = 2n ** 32n;

/** `ResourceTemplate () { ... }`: the value of `_CRS`. */
export function resourceTemplate(resources: readonly Resource[]): Aml {
  if (!Array.isArray(resources)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'resources must be an array');
  return buffer(join(...resources.map(descriptor), Tag.end));
}

function descriptor(resource: Resource): Uint8Array {
  switch (resource?.type) {
    case 'io': {
      const { port, length } = optionsOf(resource, 'I/O ports', ['type', 'port', 'length']);
      integer(length, 1, 0xff, 'the number of I/O ports');
      const first = littleEndian(integer(port, 0, 0x1_0000 - length, 'an I/O port'), 2);
      return join(Tag.io, 1, first, first, 1, length);
    }
    case 'irq': {
      const { irq } = optionsOf(resource, 'an IRQ', ['type', 'irq', 'trigger', 'polarity', 'shared']);
      const { edge, low, shared } = signalBits(resource);
      const line = littleEndian(1 << integer(irq, 0, 15, 'an IRQ'), 2);
      return join(Tag.irq, line, edge | (low << 3) | (shared << 4));
    }
    case 'interrupt': {
      const { gsi } = optionsOf(resource, 'an interrupt', ['type', 'gsi', 'trigger', 'polarity', 'shared']);
      const { edge, low, shared } = signalBits(resource);
      const body = join(consumer | (edge << 1) | (low << 2) | (shared << 3), 1, littleEndian(u32(gsi, 'a GSI'), 4));
      return large(Tag.interrupt, body);
    }
    case 'memory': {
      const { start, length } = range(optionsOf(resource, 'memory', ['type', 'start', 'length']));
      if (!fits32({ start, length })) return space(Space.memory, 8, start, length, readWrite, consumer);
      return large(Tag.memory32Fixed, join(1, littleEndian(start, 4), littleEndian(length, 4)));
    }
    case 'memoryWindow': {
      const options = optionsOf(resource, 'a window of memory', ['type', 'start', 'length', 'prefetchable']);
      const { start, length } = range(options);
      const flags = readWrite | (options.prefetchable === true ? prefetchable : 0);
      return space(Space.memory, fits32({ start, length }) ? 4 : 8, start, length, flags);
    }
    case 'ioWindow': {
      const { port, length } = optionsOf(resource, 'a window of I/O ports', ['type', 'port', 'length']);
      integer(port, 0, 0xffff, 'an I/O port');
      integer(length, 1, 0x1_0000 - port, 'the number of I/O ports');
      // The length of all 65,536 ports has 17 bits.
      return space(Space.io, length > 0xffff ? 4 : 2, BigInt(port), BigInt(length), entireRange);
    }
    case 'busNumbers': {
      const { first, last } = optionsOf(resource, 'bus numbers', ['type', 'first', 'last']);
      integer(first, 0, 0xff, 'the first bus');
      integer(last, first, 0xff, 'the last bus');
      return space(Space.busNumbers, 2, BigInt(first), BigInt(last - first + 1), 0);
    }
    default:
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a resource must have one of the types of Resource');
  }
}

function range({ start, length }: MemoryResource | MemoryWindow): { start: bigint; length: bigint } {
  bigInteger(start, 0n, 2n ** 64n - 1n, 'the start of memory');
  bigInteger(length, 1n, 2n ** 64n - 1n - start, 'the length of memory');
  return { start, length };
}

/** Whether 32 bits are enough for the addresses and the length: all of them are one more than that. */
function fits32({ start, length }: { start: bigint; length: bigint }): boolean {
  return start + length <= fourGiB && length < fourGiB;
}

/** A descriptor of an address space, with fields of 2, 4 or 8 bytes. */
function space(type: number, size: 2 | 4 | 8, start: bigint, length: bigint, typeFlags: number, use = 0): Uint8Array {
  const tag = { 2: Tag.wordSpace, 4: Tag.dwordSpace, 8: Tag.qwordSpace }[size];
  // Granularity, first and last address, translation, length.
  const fields = [0n, start, start + length - 1n, 0n, length].map((field) => littleEndian(field, size));
  return large(tag, join(type, fixed | use, typeFlags, ...fields));
}

function large(tag: number, body: Uint8Array): Uint8Array {
  return join(tag, littleEndian(body.length, 2), body);
}

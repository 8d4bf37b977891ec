import type { GuestMemory } from '@kvm/core';
import type { Dma } from '../src/virtio/dma.js';
import { PackedQueue } from '../src/virtio/packed-queue.js';
import type { Ring, RingOptions, RingState } from '../src/virtio/queue.js';
import { SplitQueue } from '../src/virtio/split-queue.js';

/** A piece of a chain, as a driver describes it. */
export interface Piece {
  readonly address: number;
  readonly length: number;
  readonly isWritable: boolean;
}

/** Where a driver puts its rings: each has room for the largest ring of the tests. */
export const areas = { descriptorArea: 0x1000, driverArea: 0x3000, deviceArea: 0x4000 };

/** The driver's side of a queue, in guest memory. */
export interface Driver {
  readonly size: number;
  /** Adds a chain, if there is room. It is indirect if it has a table: its pieces are in memory at that address. */
  add(pieces: readonly Piece[], table?: number): number | undefined;
  /** The next chain that the device has used. */
  used(): { readonly id: number; readonly length: number } | undefined;
  /** Turns interrupts on or off, without EVENT_IDX. */
  setInterrupts(on: boolean): void;
  /** Wants an interrupt once so many more chains are used, with EVENT_IDX; 1 is the next one. All take one slot. */
  wantAfter(count: number): void;
  /** Whether the device wants the doorbell for the chain that was added last. All take one slot. */
  readonly mustRing: boolean;
  /** The device's side. */
  open(dma: Dma, options: Partial<RingOptions>): Ring | undefined;
  /** Moves both sides of an empty queue on, by so many chains of one slot. */
  moveTo(chains: number, ring: Ring): void;
}

const Flag = { Next: 1, Write: 2, Indirect: 4 } as const;

abstract class Memory {
  readonly size: number;
  readonly hasEventIdx: boolean;
  protected readonly memory: GuestMemory;
  protected readonly areas: Readonly<typeof areas>;

  /** @param at what is added to the addresses of the areas, for a driver of several queues. */
  constructor(memory: GuestMemory, size: number, hasEventIdx: boolean, at = 0) {
    this.memory = memory;
    this.areas = {
      descriptorArea: areas.descriptorArea + at,
      driverArea: areas.driverArea + at,
      deviceArea: areas.deviceArea + at,
    };
    this.size = size;
    this.hasEventIdx = hasEventIdx;
  }

  protected get16(address: number): number {
    const [low = 0, high = 0] = this.memory.read(address, 2);
    return low + 256 * high;
  }

  protected set16(address: number, value: number): void {
    this.memory.write(address, Uint8Array.of(value, value >> 8));
  }

  protected get32(address: number): number {
    return this.get16(address) + 65_536 * this.get16(address + 2);
  }

  protected setDescriptor(
    at: number,
    { address, length }: Pick<Piece, 'address' | 'length'>,
    a: number,
    b: number,
  ): void {
    const bytes = new DataView(new ArrayBuffer(16));
    bytes.setBigUint64(0, BigInt(address), true);
    bytes.setUint32(8, length, true);
    bytes.setUint16(12, a, true);
    bytes.setUint16(14, b, true);
    this.memory.write(at, new Uint8Array(bytes.buffer));
  }

  protected options(options: Partial<RingOptions>): RingOptions {
    return {
      size: this.size,
      ...this.areas,
      longestChain: this.size,
      hasIndirect: true,
      hasEventIdx: this.hasEventIdx,
      interrupt: () => {},
      needsReset: () => {},
      ...options,
    };
  }
}

export class SplitDriver extends Memory implements Driver {
  readonly #free: number[] = Array.from({ length: this.size }, (_, i) => i);
  readonly #chains = new Map<number, number[]>();
  #available = 0;
  #used = 0;

  add(pieces: readonly Piece[], table?: number): number | undefined {
    const wanted = table === undefined ? pieces.length : 1;
    if (this.#free.length < wanted) return undefined;
    const slots = this.#free.splice(0, wanted);
    const [head = 0] = slots;
    const at = (index: number): number => this.areas.descriptorArea + 16 * index;
    for (const [i, piece] of pieces.entries()) {
      const isLast = i === pieces.length - 1;
      const flags = (piece.isWritable ? Flag.Write : 0) | (isLast ? 0 : Flag.Next);
      const next = table === undefined ? (slots[i + 1] ?? 0) : i + 1;
      const place = table === undefined ? at(slots[i] as number) : table + 16 * i;
      this.setDescriptor(place, piece, flags, isLast ? 0xffff : next);
    }
    if (table !== undefined) {
      this.setDescriptor(at(head), { address: table, length: 16 * pieces.length }, Flag.Indirect, 0);
    }
    this.#chains.set(head, slots);
    this.set16(this.areas.driverArea + 4 + 2 * (this.#available % this.size), head);
    this.#available = (this.#available + 1) & 0xffff;
    this.set16(this.areas.driverArea + 2, this.#available);
    return head;
  }

  used(): { id: number; length: number } | undefined {
    if (this.get16(this.areas.deviceArea + 2) === this.#used) return undefined;
    const element = this.areas.deviceArea + 4 + 8 * (this.#used % this.size);
    const id = this.get32(element);
    this.#used = (this.#used + 1) & 0xffff;
    this.#free.push(...(this.#chains.get(id) ?? []));
    this.#chains.delete(id);
    return { id, length: this.get32(element + 4) };
  }

  setInterrupts(on: boolean): void {
    this.set16(this.areas.driverArea, on ? 0 : 1);
  }

  wantAfter(count: number): void {
    this.set16(this.areas.driverArea + 4 + 2 * this.size, (this.#used + count - 1) & 0xffff);
  }

  get mustRing(): boolean {
    if (!this.hasEventIdx) return this.get16(this.areas.deviceArea) === 0;
    return this.get16(this.areas.deviceArea + 4 + 8 * this.size) === ((this.#available - 1) & 0xffff);
  }

  open(dma: Dma, options: Partial<RingOptions>): Ring | undefined {
    return SplitQueue.at(dma, this.options(options));
  }

  moveTo(chains: number, ring: Ring): void {
    this.#available = chains & 0xffff;
    this.#used = chains & 0xffff;
    this.set16(this.areas.driverArea + 2, this.#available);
    this.set16(this.areas.deviceArea + 2, this.#used);
    ring.load({ available: this.#available, used: this.#used });
  }
}

/** A place in a packed ring, with its wrap counter. */
interface Place {
  index: number;
  wrap: boolean;
}

export class PackedDriver extends Memory implements Driver {
  readonly #ids: number[] = Array.from({ length: this.size }, (_, i) => i);
  readonly #slots = new Map<number, number>();
  #room = this.size;
  #available: Place = { index: 0, wrap: true };
  #used: Place = { index: 0, wrap: true };

  add(pieces: readonly Piece[], table?: number): number | undefined {
    const wanted = table === undefined ? pieces.length : 1;
    if (this.#room < wanted) return undefined;
    const id = this.#ids.shift() as number;
    const first = this.#available;
    let flagsOfFirst = 0;
    let place = first;
    const chain = table === undefined ? pieces : [{ address: table, length: 16 * pieces.length, isWritable: false }];
    for (const [i, piece] of chain.entries()) {
      const more = table === undefined ? (i === chain.length - 1 ? 0 : Flag.Next) : Flag.Indirect;
      const flags = (piece.isWritable ? Flag.Write : 0) | more | (place.wrap ? 0x80 : 0x8000);
      this.setDescriptor(this.#at(place), piece, id, i === 0 ? this.get16(this.#at(place) + 14) : flags);
      if (i === 0) flagsOfFirst = flags;
      place = this.#after(place, 1);
    }
    if (table !== undefined) {
      for (const [i, piece] of pieces.entries()) {
        this.setDescriptor(table + 16 * i, piece, 0, piece.isWritable ? Flag.Write : 0);
      }
    }
    this.set16(this.#at(first) + 14, flagsOfFirst);
    this.#available = place;
    this.#room -= wanted;
    this.#slots.set(id, wanted);
    return id;
  }

  used(): { id: number; length: number } | undefined {
    const at = this.#at(this.#used);
    const flags = this.get16(at + 14);
    if (((flags & 0x80) !== 0) !== this.#used.wrap || ((flags & 0x8000) !== 0) !== this.#used.wrap) return undefined;
    const id = this.get16(at + 12);
    const slots = this.#slots.get(id) ?? 1;
    this.#slots.delete(id);
    this.#ids.push(id);
    this.#room += slots;
    this.#used = this.#after(this.#used, slots);
    return { id, length: this.get32(at + 8) };
  }

  setInterrupts(on: boolean): void {
    this.set16(this.areas.driverArea + 2, on ? 0 : 1);
  }

  wantAfter(count: number): void {
    this.set16(this.areas.driverArea, this.#number(this.#after(this.#used, count - 1)));
    this.set16(this.areas.driverArea + 2, 2);
  }

  get mustRing(): boolean {
    const flags = this.get16(this.areas.deviceArea + 2);
    if (flags !== 2) return flags === 0;
    return this.get16(this.areas.deviceArea) === this.#number(this.#after(this.#available, this.size * 2 - 1));
  }

  open(dma: Dma, options: Partial<RingOptions>): Ring | undefined {
    return PackedQueue.at(dma, this.options(options));
  }

  moveTo(chains: number, ring: Ring): void {
    const place = this.#after({ index: 0, wrap: true }, chains % (2 * this.size));
    this.#available = place;
    this.#used = place;
    const state: RingState = { available: this.#number(place), used: this.#number(place) };
    // What was used before has the wrap counters of its lap.
    for (let i = 0; i < this.size; i++) {
      const wrap = i < place.index ? place.wrap : !place.wrap;
      this.set16(this.areas.descriptorArea + 16 * i + 14, wrap ? 0x8080 : 0);
    }
    ring.load(state);
  }

  #at({ index }: Place): number {
    return this.areas.descriptorArea + 16 * index;
  }

  #after({ index, wrap }: Place, count: number): Place {
    let place = { index, wrap };
    for (let i = 0; i < count; i++) {
      const isEnd = place.index === this.size - 1;
      place = { index: isEnd ? 0 : place.index + 1, wrap: place.wrap !== isEnd };
    }
    return place;
  }

  #number({ index, wrap }: Place): number {
    return index | (wrap ? 0x8000 : 0);
  }
}

/** Both kinds of queues. */
export const kinds = [
  ['split', SplitDriver],
  ['packed', PackedDriver],
] as const;

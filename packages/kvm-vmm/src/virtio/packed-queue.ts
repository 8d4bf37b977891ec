import { integer } from '@kvm/core/struct';
import {
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_PACKED_DESC_F_AVAIL,
  VRING_PACKED_DESC_F_USED,
  VRING_PACKED_EVENT_F_WRAP_CTR,
  VRING_PACKED_EVENT_FLAG_DESC,
  VRING_PACKED_EVENT_FLAG_DISABLE,
  VRING_PACKED_EVENT_FLAG_ENABLE,
} from '../abi/virtio/constants.js';
import { Chain } from './chain.js';
import type { Dma } from './dma.js';
import type { Ring, RingOptions, RingState } from './queue.js';

/** A descriptor: its address (8), length (4), buffer id (2) and flags (2). */
const descriptorSize = 16;
const Field = { Length: 8, Id: 12, Flags: 14 } as const;
/** The event areas of both sides: an index with a wrap counter (2), and flags (2). */
const eventSize = 4;
const eventFlags = 2;
const availableFlag = 1 << VRING_PACKED_DESC_F_AVAIL;
const usedFlag = 1 << VRING_PACKED_DESC_F_USED;
const wrapFlag = 1 << VRING_PACKED_EVENT_F_WRAP_CTR;
const twoTo32 = 2 ** 32;

/** Where the areas of a ring lie: offsets in guest memory. */
interface Areas {
  readonly descriptors: number;
  readonly driverEvent: number;
  readonly deviceEvent: number;
}

/**
 * A place in the ring, and the wrap counter there. Both are one number, as in the event areas: the index, with the
 * counter in bit 15.
 */
type Place = number;

/** Virtio 1.3, 2.8: a packed virtqueue. Both sides write into one ring, and their wrap counters say who wrote. */
export class PackedQueue implements Ring {
  readonly size: number;
  readonly #dma: Dma;
  readonly #areas: Areas;
  readonly #options: RingOptions;
  readonly #chain: Chain;
  #available: Place = wrapFlag;
  #used: Place = wrapFlag;
  /** The descriptors that were used since the last call of `signal`. */
  #unsignalled = 0;
  #isStopped = false;
  /** How many chains may come out before `refill`. */
  #left = 0;

  private constructor(dma: Dma, areas: Areas, options: RingOptions) {
    this.#dma = dma;
    this.#areas = areas;
    this.#options = options;
    this.size = options.size;
    this.#chain = new Chain(dma);
    this.refill();
  }

  /** The queue that a driver has set up; undefined if its areas are not in memory, or not aligned. */
  static at(dma: Dma, options: RingOptions): PackedQueue | undefined {
    const { size, descriptorArea, driverArea, deviceArea } = options;
    if (descriptorArea % 16 !== 0 || driverArea % 4 !== 0 || deviceArea % 4 !== 0) return undefined;
    const descriptors = dma.offsetOf(descriptorArea, descriptorSize * size);
    const driverEvent = dma.offsetOf(driverArea, eventSize);
    const deviceEvent = dma.offsetOf(deviceArea, eventSize);
    if (descriptors === undefined || driverEvent === undefined || deviceEvent === undefined) return undefined;
    return new PackedQueue(dma, { descriptors, driverEvent, deviceEvent }, options);
  }

  createChain(): Chain {
    return new Chain(this.#dma);
  }

  pop(into: Chain = this.#chain): Chain | undefined {
    if (this.#isStopped || this.#left === 0) return undefined;
    const flags = this.#availableFlags();
    if (flags === undefined) return undefined;
    if (!this.#walk(flags, into)) {
      this.#isStopped = true;
      this.#options.needsReset();
      return undefined;
    }
    this.#available = this.#after(this.#available, into.slots);
    if (--this.#left === 0) this.#options.spent?.();
    return into;
  }

  unpop({ slots }: Chain): void {
    // A ring is twice its size until the wrap counter is the same again.
    this.#available = this.#after(this.#after(this.#available, this.size - slots), this.size);
  }

  push(chain: Chain, written: number): void {
    if (this.#isStopped) return;
    const dma = this.#dma;
    const at = this.#at(this.#used);
    dma.write32(at + Field.Length, written);
    dma.store16(at + Field.Id, chain.id);
    const wrap = this.#used >= wrapFlag ? availableFlag | usedFlag : 0;
    dma.store16(at + Field.Flags, wrap | (written > 0 ? VRING_DESC_F_WRITE : 0));
    this.#used = this.#after(this.#used, chain.slots);
    this.#unsignalled += chain.slots;
  }

  signal(): void {
    const pushed = this.#unsignalled;
    this.#unsignalled = 0;
    if (this.#isStopped || pushed === 0) return;
    const { driverEvent } = this.#areas;
    const flags = this.#dma.load16(driverEvent + eventFlags) & 3;
    if (flags === VRING_PACKED_EVENT_FLAG_DISABLE) return;
    if (flags === VRING_PACKED_EVENT_FLAG_DESC && this.#options.hasEventIdx) {
      // The driver wants an interrupt when the descriptor at this place is used.
      const event = this.#dma.load16(driverEvent);
      const lap = (event & wrapFlag) === (this.#used & wrapFlag) ? 0 : this.size;
      const since = lap + (this.#used & ~wrapFlag) - (event & ~wrapFlag);
      if (since <= 0 || since > pushed) return;
    }
    this.#options.interrupt();
  }

  suppress(): void {
    if (!this.#isStopped) this.#dma.store16(this.#areas.deviceEvent + eventFlags, VRING_PACKED_EVENT_FLAG_DISABLE);
  }

  listen(): boolean {
    if (this.#isStopped || this.#left === 0) return false;
    const { deviceEvent } = this.#areas;
    const { hasEventIdx } = this.#options;
    if (hasEventIdx) this.#dma.store16(deviceEvent, this.#available);
    this.#dma.store16(
      deviceEvent + eventFlags,
      hasEventIdx ? VRING_PACKED_EVENT_FLAG_DESC : VRING_PACKED_EVENT_FLAG_ENABLE,
    );
    return this.#availableFlags() !== undefined;
  }

  refill(): void {
    this.#left = this.#options.spent === undefined ? Number.POSITIVE_INFINITY : this.size;
  }

  stop(): void {
    this.#isStopped = true;
  }

  save(): RingState {
    return { available: this.#available, used: this.#used };
  }

  load({ available, used }: RingState): void {
    this.#available = this.#place(available, 'the available index of a queue');
    this.#used = this.#place(used, 'the used index of a queue');
  }

  #place(place: number, what: string): Place {
    integer(place, 0, 0xffff, what);
    integer(place & ~wrapFlag, 0, this.size - 1, what);
    return place;
  }

  /** The flags of the next descriptor, if the driver has added one. */
  #availableFlags(): number | undefined {
    const flags = this.#dma.load16(this.#at(this.#available) + Field.Flags);
    const wrap = this.#available >= wrapFlag;
    const isAvailable = ((flags & availableFlag) !== 0) === wrap && ((flags & usedFlag) !== 0) !== wrap;
    return isAvailable ? flags : undefined;
  }

  /** Follows a chain from its first descriptor, with these flags. Returns whether there is such a chain. */
  #walk(first: number, chain: Chain): boolean {
    const dma = this.#dma;
    const most = Math.min(this.size, this.#options.longestChain);
    let place = this.#available;
    let flags = first;
    chain.begin();
    for (let count = 1; count <= most; count++) {
      const at = this.#at(place);
      const address = dma.read32(at) + dma.read32(at + 4) * twoTo32;
      const length = dma.read32(at + Field.Length);
      if ((flags & VRING_DESC_F_INDIRECT) !== 0) {
        // Such a descriptor is the only one of its chain.
        if (count > 1 || (flags & VRING_DESC_F_NEXT) !== 0 || !this.#walkTable(address, length, chain)) return false;
      } else if (!chain.add(address, length, (flags & VRING_DESC_F_WRITE) !== 0)) {
        return false;
      }
      if ((flags & VRING_DESC_F_NEXT) === 0) {
        // The last descriptor has the id of the chain.
        chain.end(dma.load16(at + Field.Id), count);
        return true;
      }
      place = this.#after(place, 1);
      flags = dma.load16(this.#at(place) + Field.Flags);
    }
    return false;
  }

  /** Adds all descriptors of an indirect table. */
  #walkTable(address: number, length: number, chain: Chain): boolean {
    const dma = this.#dma;
    const table = dma.offsetOf(address, length);
    const count = length / descriptorSize;
    if (!this.#options.hasIndirect || table === undefined) return false;
    if (count === 0 || !Number.isInteger(count) || count > this.#options.longestChain) return false;
    for (let at = table; at < table + length; at += descriptorSize) {
      const start = dma.read32(at) + dma.read32(at + 4) * twoTo32;
      const flags = dma.read32(at + Field.Id) >>> 16;
      if (!chain.add(start, dma.read32(at + Field.Length), (flags & VRING_DESC_F_WRITE) !== 0)) return false;
    }
    return true;
  }

  #at(place: Place): number {
    return this.#areas.descriptors + descriptorSize * (place & ~wrapFlag);
  }

  /** The place after as many descriptors, at most a whole ring. */
  #after(place: Place, count: number): Place {
    const index = (place & ~wrapFlag) + count;
    return index < this.size ? (place & wrapFlag) | index : ((place & wrapFlag) ^ wrapFlag) | (index - this.size);
  }
}

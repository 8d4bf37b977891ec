import { integer } from '@kvm/core/struct';
import {
  VRING_AVAIL_F_NO_INTERRUPT,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_USED_F_NO_NOTIFY,
} from '../abi/virtio/constants.js';
import { Chain } from './chain.js';
import type { Dma } from './dma.js';
import type { Ring, RingOptions, RingState } from './queue.js';

/** Bytes of a descriptor: its address (8), length (4), flags (2) and the next one's index (2). */
const descriptorSize = 16;
/** Bytes before the elements of both rings: flags (2) and the index (2). */
const headerSize = 4;
const availableSize = 2;
const usedSize = 8;
const mask = 0xffff;
const twoTo32 = 2 ** 32;

/** Where the areas of a ring lie: offsets in guest memory. */
interface Areas {
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
}

/** Virtio 1.3, 2.7: a split virtqueue. Its indices run freely through 16 bits. */
export class SplitQueue implements Ring {
  readonly size: number;
  readonly #dma: Dma;
  readonly #areas: Areas;
  readonly #options: RingOptions;
  readonly #chain: Chain;
  /** The index of the next chain to pop, and of the next to push. */
  #available = 0;
  #used = 0;
  /** The index at the last call of `signal`. */
  #signalled = 0;
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
  static at(dma: Dma, options: RingOptions): SplitQueue | undefined {
    const { size, descriptorArea, driverArea, deviceArea } = options;
    if (descriptorArea % 16 !== 0 || driverArea % 2 !== 0 || deviceArea % 4 !== 0) return undefined;
    // Each ring has the index of EVENT_IDX behind its elements.
    const descriptors = dma.offsetOf(descriptorArea, descriptorSize * size);
    const available = dma.offsetOf(driverArea, headerSize + availableSize * size + 2);
    const used = dma.offsetOf(deviceArea, headerSize + usedSize * size + 2);
    if (descriptors === undefined || available === undefined || used === undefined) return undefined;
    return new SplitQueue(dma, { descriptors, available, used }, options);
  }

  createChain(): Chain {
    return new Chain(this.#dma);
  }

  pop(into: Chain = this.#chain): Chain | undefined {
    const waiting = this.#waiting();
    if (waiting === 0 || this.#left === 0) return undefined;
    const slot = this.#available % this.size;
    const head =
      waiting <= this.size ? this.#dma.load16(this.#areas.available + headerSize + availableSize * slot) : -1;
    if (!this.#walk(head, into)) {
      this.#fail();
      return undefined;
    }
    this.#available = (this.#available + 1) & mask;
    if (--this.#left === 0) this.#options.spent?.();
    return into;
  }

  unpop(): void {
    this.#available = (this.#available - 1) & mask;
  }

  push(chain: Chain, written: number): void {
    if (this.#isStopped) return;
    const { used } = this.#areas;
    const element = used + headerSize + usedSize * (this.#used % this.size);
    this.#dma.write32(element, chain.id);
    this.#dma.write32(element + 4, written);
    this.#used = (this.#used + 1) & mask;
    this.#dma.store16(used + 2, this.#used);
  }

  signal(): void {
    const pushed = (this.#used - this.#signalled) & mask;
    if (this.#isStopped || pushed === 0) return;
    this.#signalled = this.#used;
    const { available } = this.#areas;
    if (this.#options.hasEventIdx) {
      // The driver wants an interrupt when the element at this index is used.
      const event = this.#dma.load16(available + headerSize + availableSize * this.size);
      if (((this.#used - event - 1) & mask) < pushed) this.#options.interrupt();
    } else if ((this.#dma.load16(available) & VRING_AVAIL_F_NO_INTERRUPT) === 0) {
      this.#options.interrupt();
    }
  }

  suppress(): void {
    // With EVENT_IDX the driver does not ring again before the index that `listen` writes moves on.
    if (!this.#isStopped && !this.#options.hasEventIdx) this.#dma.store16(this.#areas.used, VRING_USED_F_NO_NOTIFY);
  }

  listen(): boolean {
    if (this.#isStopped || this.#left === 0) return false;
    const { used } = this.#areas;
    if (this.#options.hasEventIdx) this.#dma.store16(used + headerSize + usedSize * this.size, this.#available);
    else this.#dma.store16(used, 0);
    return this.#waiting() !== 0;
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
    this.#available = integer(available, 0, mask, 'the available index of a queue');
    this.#used = integer(used, 0, mask, 'the used index of a queue');
    this.#signalled = this.#used;
  }

  /** How many chains the driver has added that were not popped, by its own account. */
  #waiting(): number {
    return this.#isStopped ? 0 : (this.#dma.load16(this.#areas.available + 2) - this.#available) & mask;
  }

  /** Follows a chain from its first descriptor to its last. Returns whether there is such a chain. */
  #walk(head: number, chain: Chain): boolean {
    const dma = this.#dma;
    let table = this.#areas.descriptors;
    let count = this.size;
    let index = head;
    let isIndirect = false;
    chain.begin();
    for (let left = this.#options.longestChain; left > 0; left--) {
      if (index < 0 || index >= count) return false;
      const at = table + descriptorSize * index;
      const address = dma.read32(at) + dma.read32(at + 4) * twoTo32;
      const length = dma.read32(at + 8);
      const last = dma.read32(at + 12);
      if ((last & VRING_DESC_F_INDIRECT) !== 0) {
        const within = dma.offsetOf(address, length);
        if (isIndirect || !this.#options.hasIndirect || (last & VRING_DESC_F_NEXT) !== 0) return false;
        if (within === undefined || length % descriptorSize !== 0) return false;
        table = within;
        count = length / descriptorSize;
        index = 0;
        isIndirect = true;
        // The descriptor that names the table is none of the chain's bytes.
        left++;
        continue;
      }
      if (!chain.add(address, length, (last & VRING_DESC_F_WRITE) !== 0)) return false;
      if ((last & VRING_DESC_F_NEXT) === 0) {
        chain.end(head, isIndirect ? 1 : this.#options.longestChain - left + 1);
        return true;
      }
      index = last >>> 16;
    }
    return false;
  }

  #fail(): void {
    this.#isStopped = true;
    this.#options.needsReset();
  }
}

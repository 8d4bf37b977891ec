import type { GuestMemory } from '@kvm/core';
import { GuestDma } from '../src/memory/guest-dma.js';
import type { Ring, RingOptions } from '../src/virtio/queue.js';
import { ram } from './ram.js';
import { type Driver, type kinds, SplitDriver } from './virtio-driver.js';

/** Where the buffers of a queue begin, in its memory. */
const buffers = 0x8000;
const bufferSize = 0x1000;
const count = 8;

/** Both sides of a queue, in memory of its own, for devices with several queues. Buffers are used in order. */
export class TestQueue {
  readonly memory: GuestMemory = ram(buffers + count * bufferSize);
  readonly driver: Driver;
  readonly ring: Ring;
  interrupts = 0;
  #next = 0;
  readonly #places = new Map<number, number>();

  constructor(Kind: (typeof kinds)[number][1] = SplitDriver, options: Partial<RingOptions> = {}) {
    this.driver = new Kind(this.memory, count, true);
    this.ring = this.driver.open(new GuestDma(this.memory), {
      interrupt: () => {
        this.interrupts++;
      },
      ...options,
    }) as Ring;
  }

  /** Adds a buffer for the device to write to, of up to 4 KiB. Returns whether there is room in the ring. */
  offer(length: number): boolean {
    return this.#add(new Uint8Array(length), true);
  }

  /** Adds a buffer with bytes for the device, up to 4 KiB. Returns whether there is room in the ring. */
  send(bytes: Uint8Array): boolean {
    return this.#add(bytes, false);
  }

  /** The bytes that the device has written to the next buffer that it has used; undefined if there is none. */
  take(): Uint8Array | undefined {
    const used = this.driver.used();
    return used && this.memory.read(this.#places.get(used.id) as number, used.length);
  }

  #add(bytes: Uint8Array, isWritable: boolean): boolean {
    const address = buffers + (this.#next % count) * bufferSize;
    const id = this.driver.add([{ address, length: bytes.length, isWritable }]);
    if (id === undefined) return false;
    this.memory.write(address, bytes);
    this.#places.set(id, address);
    this.#next++;
    return true;
  }
}

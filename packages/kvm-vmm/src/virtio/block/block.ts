import type { GuestMemory } from '@kvm/core';
import {
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
  VIRTIO_ID_BLOCK,
} from '../../abi/virtio/constants.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import { type Storage, sectorSize } from '../../storage/storage.js';
import type { Chain } from '../chain.js';
import { has } from '../features.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { configOf, featuresOf, most, queueSize } from './config.js';

/** Bytes of a request's header: type (4), reserved (4), sector (8). */
const headerSize = 16;
/** Bytes of a range of DISCARD and WRITE_ZEROES: sector (8), number of sectors (4), flags (4). */
const rangeSize = 16;
const statusSize = 1;
const twoTo32 = 2 ** 32;

/** The part of a `GuestMemory` that a disk uses. */
export type BlockMemory = Pick<GuestMemory, 'size' | 'windowSize' | 'bytes'>;

export interface BlockOptions {
  /** Unique within a machine. */
  name: string;
  storage: Storage;
  memory: BlockMemory;
  /** The serial number: at most 20 bytes. */
  serial: string;
  queues: number;
  /** Whether to leave the rest of a queue alone for now. */
  isInterrupted?: () => boolean;
}

/** A disk. Virtio 1.3, 5.2. Requests block the thread while the storage does. */
export class Block implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_BLOCK;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly #storage: Storage;
  readonly #windows: readonly Uint8Array[];
  readonly #windowSize: number;
  readonly #id = new Uint8Array(VIRTIO_BLK_ID_BYTES);
  readonly #isInterrupted: () => boolean;
  readonly #header = new DataView(new ArrayBuffer(headerSize));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  readonly #ranges = new DataView(new ArrayBuffer(rangeSize * most.ranges));
  readonly #rangeBytes = new Uint8Array(this.#ranges.buffer);
  readonly #status = new Uint8Array(statusSize);
  #transport: VirtioTransport | undefined;
  #queues: readonly (Queue | undefined)[] = [];
  /** Whether the driver flushes. If not, it relies on each write. */
  #hasFlush = false;

  constructor({ name, storage, memory, serial, queues, isInterrupted = () => false }: BlockOptions) {
    this.name = name;
    this.features = featuresOf(storage);
    this.queueSizes = Array.from({ length: queues }, () => queueSize);
    this.config = configOf(storage, queues);
    this.#storage = storage;
    this.#windowSize = memory.windowSize;
    this.#windows = windowsOf(memory);
    new TextEncoder().encodeInto(serial, this.#id);
    this.#isInterrupted = isInterrupted;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(queues: readonly (Queue | undefined)[], features: bigint): void {
    this.#queues = queues;
    this.#hasFlush = has(features, VIRTIO_BLK_F_FLUSH);
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    do {
      queue.suppress();
      while (!this.#isInterrupted()) {
        const chain = queue.pop();
        if (chain === undefined) break;
        if (!this.#serve(queue, chain)) return;
      }
      queue.signal();
    } while (!this.#isInterrupted() && queue.listen());
  }

  reset(): void {
    this.#queues = [];
  }

  save(): DeviceState {
    return { version: 1 };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
  }

  /** Returns false if the request has no place for its status. */
  #serve(queue: Queue, chain: Chain): boolean {
    const end = chain.writableLength - statusSize;
    if (end < 0) {
      this.#transport?.needsReset();
      return false;
    }
    this.#status[0] = this.#statusOf(chain);
    chain.write(end, this.#status);
    queue.push(chain, chain.writableLength);
    return true;
  }

  #statusOf(chain: Chain): number {
    if (chain.readInto(0, this.#headerBytes) !== headerSize) return VIRTIO_BLK_S_IOERR;
    try {
      return this.#do(chain, this.#header.getUint32(0, true), sectorAt(this.#header, 8));
    } catch {
      // The host's disk has failed. The guest's file system knows what to do then.
      return VIRTIO_BLK_S_IOERR;
    }
  }

  #do(chain: Chain, type: number, sector: number): number {
    switch (type) {
      case VIRTIO_BLK_T_IN:
        return this.#transfer(chain, sector, false);
      case VIRTIO_BLK_T_OUT:
        return this.#transfer(chain, sector, true);
      case VIRTIO_BLK_T_FLUSH:
        this.#storage.flush();
        return VIRTIO_BLK_S_OK;
      case VIRTIO_BLK_T_GET_ID:
        chain.write(0, this.#id, 0, Math.min(this.#id.length, chain.writableLength - statusSize));
        return VIRTIO_BLK_S_OK;
      case VIRTIO_BLK_T_DISCARD:
        return this.#changeRanges(chain, most.discardSectors, false);
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#changeRanges(chain, most.zeroSectors, true);
      default:
        return VIRTIO_BLK_S_UNSUPP;
    }
  }

  /** Reads or writes whole sectors, in as many pieces as the driver has cut them into. */
  #transfer(chain: Chain, sector: number, isWrite: boolean): number {
    const length = isWrite ? chain.readableLength - headerSize : chain.writableLength - statusSize;
    if (length % sectorSize !== 0 || !this.#hasSectors(sector, length / sectorSize)) return VIRTIO_BLK_S_IOERR;
    if (isWrite && this.#storage.isReadOnly) return VIRTIO_BLK_S_IOERR;
    let skip = isWrite ? headerSize : 0;
    let position = sector * sectorSize;
    const end = position + length;
    for (let i = isWrite ? 0 : chain.readableSegments; position < end; i++) {
      const size = chain.lengthOf(i);
      const part = Math.min(size - skip, end - position);
      if (part > 0) {
        this.#move(chain.offsetOf(i) + skip, part, position, isWrite);
        position += part;
      }
      skip = Math.max(0, skip - size);
    }
    if (isWrite && !this.#hasFlush) this.#storage.flush();
    return VIRTIO_BLK_S_OK;
  }

  /** Moves bytes between the disk and guest memory, where they are contiguous. */
  #move(offset: number, length: number, position: number, isWrite: boolean): void {
    const window = this.#windows[Math.floor(offset / this.#windowSize)] as Uint8Array;
    const within = offset % this.#windowSize;
    if (isWrite) this.#storage.write(window, within, length, position);
    else this.#storage.read(window, within, length, position);
  }

  /** Virtio 1.3, 5.2.6.2: all ranges are checked before the first is changed. */
  #changeRanges(chain: Chain, mostSectors: number, zeroes: boolean): number {
    const length = chain.readableLength - headerSize;
    if (this.#storage.isReadOnly || length === 0 || length % rangeSize !== 0) return VIRTIO_BLK_S_IOERR;
    if (length > this.#rangeBytes.length) return VIRTIO_BLK_S_IOERR;
    // The driver may change them meanwhile, so they are copied first.
    chain.readInto(headerSize, this.#rangeBytes, 0, length);
    const allowedFlags = zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
    for (let at = 0; at < length; at += rangeSize) {
      const sectors = this.#ranges.getUint32(at + 8, true);
      if ((this.#ranges.getUint32(at + 12, true) & ~allowedFlags) !== 0) return VIRTIO_BLK_S_UNSUPP;
      if (sectors > mostSectors || !this.#hasSectors(sectorAt(this.#ranges, at), sectors)) return VIRTIO_BLK_S_IOERR;
    }
    for (let at = 0; at < length; at += rangeSize) {
      const position = sectorAt(this.#ranges, at) * sectorSize;
      const bytes = this.#ranges.getUint32(at + 8, true) * sectorSize;
      const mayUnmap = this.#ranges.getUint32(at + 12, true) !== 0;
      if (bytes === 0) continue;
      if (zeroes) this.#storage.writeZeroes(position, bytes, mayUnmap);
      else this.#storage.discard(position, bytes);
    }
    if (zeroes && !this.#hasFlush) this.#storage.flush();
    return VIRTIO_BLK_S_OK;
  }

  /** A sector number beyond 2^53 is not exact, and beyond every disk. */
  #hasSectors(sector: number, count: number): boolean {
    return sector + count <= this.#storage.size / sectorSize;
  }
}

function sectorAt(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * twoTo32 + view.getUint32(offset, true);
}

function windowsOf(memory: BlockMemory): Uint8Array[] {
  const { size, windowSize } = memory;
  return Array.from({ length: Math.ceil(size / windowSize) }, (_, index) => {
    const start = index * windowSize;
    return memory.bytes(start, Math.min(windowSize, size - start));
  });
}

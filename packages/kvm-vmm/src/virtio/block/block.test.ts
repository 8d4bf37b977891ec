import { GuestMemory } from '@kvm/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../abi/virtio/constants.js';
import { VirtioBlkConfig } from '../../abi/virtio/structs.js';
import { GuestDma } from '../../memory/guest-dma.js';
import type { Storage } from '../../storage/storage.js';
import { bit } from '../features.js';
import { SplitQueue } from '../split-queue.js';
import { Block } from './block.js';

const page = 4096;
const sector = 512;
const memorySize = 64 * page;
/** Where the driver of these tests has its ring; its buffers lie behind. */
const ring = { size: 64, descriptors: 0, available: page, used: 2 * page, buffers: 3 * page };
const noStatus = 0xff;

/** A disk of plain bytes, which remembers what it was asked for. */
class PlainStorage implements Storage {
  readonly bytes: Uint8Array;
  readonly isReadOnly: boolean;
  readonly blockSize = 4096;
  readonly calls: string[] = [];
  failure: Error | undefined;

  constructor(sectors: number, isReadOnly = false) {
    this.bytes = Uint8Array.from({ length: sectors * sector }, (_, i) => (i * 11) ^ (i >> 8));
    this.isReadOnly = isReadOnly;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(into: Uint8Array, offset: number, length: number, position: number): void {
    this.#note('read', position, length);
    into.set(this.bytes.subarray(position, position + length), offset);
  }

  write(from: Uint8Array, offset: number, length: number, position: number): void {
    this.#note('write', position, length);
    this.bytes.set(from.subarray(offset, offset + length), position);
  }

  flush(): void {
    this.calls.push('flush');
  }

  discard(position: number, length: number): void {
    this.#note('discard', position, length);
  }

  writeZeroes(position: number, length: number, mayUnmap: boolean): void {
    this.#note(mayUnmap ? 'unmap' : 'zero', position, length);
    this.bytes.fill(0, position, position + length);
  }

  close(): void {}

  #note(call: string, position: number, length: number): void {
    if (this.failure !== undefined) throw this.failure;
    expect(length).toBeGreaterThan(0);
    expect(position).toBeGreaterThanOrEqual(0);
    expect(position + length).toBeLessThanOrEqual(this.size);
    this.calls.push(`${call} ${position} ${length}`);
  }
}

/** A buffer of a request: bytes for the device, or room for its answer. */
type Part = { readonly address: number; readonly length: number; readonly isWritable: boolean };

/** A driver with one queue, and the disk that it drives. */
class Driver {
  readonly memory: GuestMemory;
  readonly bytes: Uint8Array;
  readonly block: Block;
  interrupts = 0;
  needsReset = false;
  readonly #view: DataView;
  #next = 0;

  constructor(
    storage: Storage,
    { windowSize = memorySize, features = bit(VIRTIO_BLK_F_FLUSH), serial = 'serial' } = {},
  ) {
    const buffer = new SharedArrayBuffer(memorySize);
    const windows = Array.from(
      { length: memorySize / windowSize },
      (_, i) => new Uint8Array(buffer, i * windowSize, windowSize),
    );
    this.memory = GuestMemory.from({ size: memorySize, windowSize, windows, backing: 'anonymous', backend: 'ffi' });
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.block = new Block({ name: 'disk0', storage, memory: this.memory, serial, queues: 1 });
    this.block.attach({ configChanged() {}, usedChains() {}, needsReset: () => (this.needsReset = true) });
    const queue = SplitQueue.at(new GuestDma(this.memory), {
      size: ring.size,
      descriptorArea: ring.descriptors,
      driverArea: ring.available,
      deviceArea: ring.used,
      longestChain: ring.size,
      hasIndirect: true,
      hasEventIdx: false,
      interrupt: () => this.interrupts++,
      needsReset: () => (this.needsReset = true),
    });
    this.block.activate([queue], features);
  }

  /** Adds a request to the ring. */
  add(buffers: readonly Part[]): void {
    const head = 0;
    for (const [i, { address, length, isWritable }] of buffers.entries()) {
      const at = ring.descriptors + 16 * (head + i);
      this.#view.setBigUint64(at, BigInt(address), true);
      this.#view.setUint32(at + 8, length, true);
      this.#view.setUint16(at + 12, (i + 1 < buffers.length ? 1 : 0) | (isWritable ? 2 : 0), true);
      this.#view.setUint16(at + 14, head + i + 1, true);
    }
    this.#view.setUint16(ring.available + 4 + 2 * (this.#next % ring.size), head, true);
    this.#next++;
    this.#view.setUint16(ring.available + 2, this.#next & 0xffff, true);
  }

  /** What the device says of the last request: how many bytes it has written; undefined if it has not used it. */
  get used(): number | undefined {
    if (this.#view.getUint16(ring.used + 2, true) !== (this.#next & 0xffff)) return undefined;
    return this.#view.getUint32(ring.used + 4 + 8 * ((this.#next - 1) % ring.size) + 4, true);
  }

  /**
   * Makes a request whose bytes are cut into pieces of the given lengths, in turn, with gaps between them. Returns its
   * status, and what the device has written before it.
   */
  request(
    readable: Uint8Array,
    room: number,
    cuts: readonly number[] = [memorySize],
  ): { status: number; data: Uint8Array } {
    const buffers: Part[] = [];
    let address = ring.buffers;
    let cut = 0;
    const place = (length: number, isWritable: boolean): void => {
      for (let done = 0; done < length; ) {
        const part = Math.min(cuts[cut++ % cuts.length] as number, length - done);
        if (!isWritable) this.bytes.set(readable.subarray(done, done + part), address);
        else this.bytes.fill(noStatus, address, address + part);
        buffers.push({ address, length: part, isWritable });
        address += part + 3;
        done += part;
      }
    };
    place(readable.length, false);
    place(room + 1, true);
    this.add(buffers);
    const before = this.bytes.slice();
    this.block.notify(0);
    const written = buffers.filter(({ isWritable }) => isWritable);
    this.#checkCanaries(before, written);
    expect(this.used).toBe(room + 1);
    const answer = Uint8Array.from(
      written.flatMap(({ address: at, length }) => [...this.bytes.subarray(at, at + length)]),
    );
    return { status: answer[room] as number, data: answer.subarray(0, room) };
  }

  /** Nothing but the used ring and the writable buffers may have changed. */
  #checkCanaries(before: Uint8Array, written: readonly Part[]): void {
    const now = this.bytes.slice();
    for (const { address, length } of written) now.set(before.subarray(address, address + length), address);
    now.set(before.subarray(ring.used, ring.used + page), ring.used);
    expect(Buffer.compare(now, before)).toBe(0);
  }
}

function header(type: number, at: number | bigint, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(16 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(at), true);
  bytes.set(data, 16);
  return bytes;
}

function ranges(...all: { at: number | bigint; sectors: number; flags?: number }[]): Uint8Array {
  const bytes = new Uint8Array(16 * all.length);
  const view = new DataView(bytes.buffer);
  for (const [i, { at, sectors, flags = 0 }] of all.entries()) {
    view.setBigUint64(16 * i, BigInt(at), true);
    view.setUint32(16 * i + 8, sectors, true);
    view.setUint32(16 * i + 12, flags, true);
  }
  return bytes;
}

const sectors = 40;
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 2000 })), {
  minLength: 1,
  maxLength: 4,
});
/** As many pieces as the ring has descriptors. */
const fits = (all: readonly number[], bytes: number): boolean =>
  (bytes / all.reduce((sum, each) => sum + each, 0) + 2) * all.length < ring.size - 4;

describe('a virtio disk', () => {
  test('reads and writes whole sectors, however the driver cuts a request', () => {
    const request = fc.record({
      at: fc.nat(sectors),
      count: fc.nat(8),
      isWrite: fc.boolean(),
      cuts,
      value: fc.nat(255),
    });
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 8 }),
        fc.constantFrom(memorySize, page, 4 * page),
        (all, windowSize) => {
          const storage = new PlainStorage(sectors);
          const driver = new Driver(storage, { windowSize });
          for (const { at, count, isWrite, cuts: pieces, value } of all) {
            const length = count * sector;
            if (!fits(pieces, length + 17)) continue;
            const before = storage.bytes.slice();
            const data = Uint8Array.from({ length }, (_, i) => value ^ i);
            const { status, data: read } = isWrite
              ? driver.request(header(VIRTIO_BLK_T_OUT, at, data), 0, pieces)
              : driver.request(header(VIRTIO_BLK_T_IN, at), length, pieces);
            expect(status).toBe(at + count <= sectors ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
            if (status === VIRTIO_BLK_S_OK && isWrite) before.set(data, at * sector);
            if (status === VIRTIO_BLK_S_OK && !isWrite) {
              expect(Buffer.compare(read, before.subarray(at * sector, at * sector + length))).toBe(0);
            }
            expect(Buffer.compare(storage.bytes, before)).toBe(0);
          }
          expect(driver.needsReset).toBe(false);
        },
      ),
    );
  });

  test('answers every request that there is, and touches nothing else', () => {
    const type = fc.oneof(fc.nat(30), fc.integer({ min: 0, max: 0xffff_ffff }));
    const place = fc.oneof(
      fc.bigInt(0n, 64n),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.constantFrom(2n ** 55n, 2n ** 64n - 1n),
    );
    fc.assert(
      fc.property(
        type,
        place,
        fc.uint8Array({ maxLength: 1100 }),
        fc.nat(1100),
        cuts,
        fc.boolean(),
        (kind, at, data, room, pieces, isReadOnly) => {
          fc.pre(fits(pieces, data.length + room + 17));
          const storage = new PlainStorage(sectors, isReadOnly);
          const { status } = new Driver(storage).request(header(kind, at, data), room, pieces);
          expect([VIRTIO_BLK_S_OK, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_UNSUPP]).toContain(status);
          if (isReadOnly) expect(Buffer.compare(storage.bytes, new PlainStorage(sectors).bytes)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    ['whole sectors', VIRTIO_BLK_T_IN, 0, 511],
    ['the last sector', VIRTIO_BLK_T_IN, sectors, sector],
    ['a number that overflows', VIRTIO_BLK_T_IN, 2n ** 64n - 1n, sector],
    ['a number that overflows in bytes', VIRTIO_BLK_T_IN, 2n ** 55n, sector],
  ])('refuses a read that leaves %s', (_, type, at, room) => {
    const storage = new PlainStorage(sectors);
    expect(new Driver(storage).request(header(type, at), room).status).toBe(VIRTIO_BLK_S_IOERR);
    expect(storage.calls).toEqual([]);
  });

  test('flushes before it says so, and not otherwise', () => {
    const storage = new PlainStorage(sectors);
    const driver = new Driver(storage);
    driver.request(header(VIRTIO_BLK_T_OUT, 1, new Uint8Array(sector)), 0);
    expect(storage.calls).toEqual(['write 512 512']);
    expect(driver.request(header(VIRTIO_BLK_T_FLUSH, 0), 0).status).toBe(VIRTIO_BLK_S_OK);
    expect(storage.calls).toEqual(['write 512 512', 'flush']);
  });

  test('flushes after each write for a driver that does not', () => {
    const storage = new PlainStorage(sectors);
    const driver = new Driver(storage, { features: 0n });
    driver.request(header(VIRTIO_BLK_T_OUT, 1, new Uint8Array(sector)), 0);
    driver.request(header(VIRTIO_BLK_T_WRITE_ZEROES, 0, ranges({ at: 2, sectors: 1 })), 0);
    expect(storage.calls).toEqual(['write 512 512', 'flush', 'zero 1024 512', 'flush']);
  });

  test('has an identity of 20 bytes, in as much room as there is', () => {
    const driver = new Driver(new PlainStorage(sectors), { serial: 'exactly-20-bytes-lon' });
    const { status, data } = driver.request(header(VIRTIO_BLK_T_GET_ID, 0), 20, [7]);
    expect([status, Buffer.from(data).toString()]).toEqual([VIRTIO_BLK_S_OK, 'exactly-20-bytes-lon']);
    const short = driver.request(header(VIRTIO_BLK_T_GET_ID, 0), 5);
    expect([short.status, Buffer.from(short.data).toString()]).toEqual([VIRTIO_BLK_S_OK, 'exact']);
    expect(new Driver(new PlainStorage(1)).request(header(VIRTIO_BLK_T_GET_ID, 0), 20).data.subarray(6)).toEqual(
      new Uint8Array(14),
    );
  });

  test('discards and zeroes ranges, all or none', () => {
    const storage = new PlainStorage(sectors);
    const driver = new Driver(storage);
    const both = [
      { at: 1, sectors: 2 },
      { at: 8, sectors: 1, flags: 1 },
    ];
    expect(driver.request(header(VIRTIO_BLK_T_WRITE_ZEROES, 0, ranges(...both)), 0, [5, 900]).status).toBe(
      VIRTIO_BLK_S_OK,
    );
    expect(driver.request(header(VIRTIO_BLK_T_DISCARD, 0, ranges({ at: 4, sectors: 4 })), 0).status).toBe(
      VIRTIO_BLK_S_OK,
    );
    const done = ['zero 512 1024', 'unmap 4096 512', 'discard 2048 2048'];
    expect(storage.calls).toEqual(done);
    for (const [type, range, status] of [
      [VIRTIO_BLK_T_DISCARD, ranges({ at: 1, sectors: 1 }, { at: 39, sectors: 2 }), VIRTIO_BLK_S_IOERR],
      [VIRTIO_BLK_T_DISCARD, ranges({ at: 2n ** 64n - 1n, sectors: 2 }), VIRTIO_BLK_S_IOERR],
      [VIRTIO_BLK_T_DISCARD, ranges({ at: 1, sectors: 0xffff_ffff }), VIRTIO_BLK_S_IOERR],
      [VIRTIO_BLK_T_DISCARD, ranges({ at: 1, sectors: 1, flags: 1 }), VIRTIO_BLK_S_UNSUPP],
      [VIRTIO_BLK_T_WRITE_ZEROES, ranges({ at: 1, sectors: 1, flags: 2 }), VIRTIO_BLK_S_UNSUPP],
      [VIRTIO_BLK_T_WRITE_ZEROES, new Uint8Array(15), VIRTIO_BLK_S_IOERR],
      [VIRTIO_BLK_T_WRITE_ZEROES, new Uint8Array(0), VIRTIO_BLK_S_IOERR],
      [VIRTIO_BLK_T_WRITE_ZEROES, new Uint8Array(16 * 33), VIRTIO_BLK_S_IOERR],
    ] as const) {
      expect(driver.request(header(type, 0, range), 0).status).toBe(status);
    }
    expect(storage.calls).toEqual(done);
  });

  test('does not know other requests, and refuses changes of a read-only disk', () => {
    const storage = new PlainStorage(sectors, true);
    const driver = new Driver(storage);
    expect(driver.request(header(3, 0), sector).status).toBe(VIRTIO_BLK_S_UNSUPP);
    for (const type of [VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES]) {
      expect(driver.request(header(type, 0, new Uint8Array(sector)), 0).status).toBe(VIRTIO_BLK_S_IOERR);
    }
    expect(storage.calls).toEqual([]);
    expect(driver.block.features & bit(VIRTIO_BLK_F_RO)).not.toBe(0n);
  });

  test('reports a failure of the host as one of the disk', () => {
    const storage = new PlainStorage(sectors);
    storage.failure = new Error('EIO');
    expect(new Driver(storage).request(header(VIRTIO_BLK_T_IN, 0), sector).status).toBe(VIRTIO_BLK_S_IOERR);
  });

  test('refuses a header that is too short', () => {
    expect(new Driver(new PlainStorage(sectors)).request(new Uint8Array(15), sector).status).toBe(VIRTIO_BLK_S_IOERR);
  });

  test('needs a reset after a request without room for a status, and serves none after it', () => {
    const storage = new PlainStorage(sectors);
    const driver = new Driver(storage);
    driver.add([{ address: ring.buffers, length: 16, isWritable: false }]);
    driver.block.notify(0);
    expect([driver.needsReset, driver.used]).toEqual([true, undefined]);
    driver.block.reset();
    driver.add([{ address: ring.buffers, length: 16, isWritable: true }]);
    driver.block.notify(0);
    expect([driver.used, storage.calls]).toEqual([undefined, []]);
  });

  test('interrupts once for requests that it finds together', () => {
    const driver = new Driver(new PlainStorage(sectors));
    const flush = [
      { address: ring.buffers, length: 16, isWritable: false },
      { address: ring.buffers + page, length: 1, isWritable: true },
    ];
    driver.bytes.set(header(VIRTIO_BLK_T_FLUSH, 0), ring.buffers);
    driver.add(flush);
    driver.add(flush);
    driver.block.notify(0);
    expect([driver.used, driver.interrupts]).toEqual([1, 1]);
  });

  test('says what it is, with limits that are not zero', () => {
    const { block } = new Driver(new PlainStorage(sectors));
    const { buffer, byteOffset } = block.config;
    const config = new VirtioBlkConfig({ buffer, byteOffset });
    expect(config.capacity).toBe(BigInt(sectors));
    expect([config.segMax, config.blkSize, config.physicalBlockExp, config.numQueues]).toEqual([254, 512, 3, 1]);
    const { maxDiscardSectors, maxDiscardSeg, discardSectorAlignment, maxWriteZeroesSectors, maxWriteZeroesSeg } =
      config;
    for (const limit of [
      maxDiscardSectors,
      maxDiscardSeg,
      discardSectorAlignment,
      maxWriteZeroesSectors,
      maxWriteZeroesSeg,
    ]) {
      expect(limit).toBeGreaterThan(0);
    }
  });
});

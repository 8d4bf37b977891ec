import type { GuestMemory } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ram } from '../../test/ram.js';
import { areas, SplitDriver } from '../../test/virtio-driver.js';
import { VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX } from '../abi/virtio/constants.js';
import type { AccessSize } from '../bus/registers.js';
import type { DeviceState } from '../devices/device.js';
import { GuestDma } from '../memory/guest-dma.js';
import { bit } from './features.js';
import type { Queue } from './queue.js';
import type { VirtioDevice, VirtioTransport } from './virtio-device.js';
import { VirtioMmio } from './virtio-mmio.js';

const Offset = {
  Magic: 0x00,
  Version: 0x04,
  DeviceId: 0x08,
  DeviceFeatures: 0x10,
  DeviceFeaturesSel: 0x14,
  DriverFeatures: 0x20,
  DriverFeaturesSel: 0x24,
  QueueSel: 0x30,
  QueueNumMax: 0x34,
  QueueNum: 0x38,
  QueueReady: 0x44,
  QueueNotify: 0x50,
  InterruptStatus: 0x60,
  InterruptAck: 0x64,
  Status: 0x70,
  QueueDesc: 0x80,
  QueueDriver: 0x90,
  QueueDevice: 0xa0,
  ConfigGeneration: 0xfc,
  Config: 0x100,
} as const;

const Status = { Ready: 15, FeaturesOk: 11, Driver: 3, NeedsReset: 64 } as const;
/** A feature of the device below. */
const itsFeature = 5;

/** Fills what it gets with ones, at once. */
class Filler implements VirtioDevice {
  readonly name = 'filler';
  readonly type = 42;
  readonly features = bit(itsFeature);
  readonly queueSizes: readonly number[] = [8, 4];
  readonly config: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6);
  readonly log: unknown[] = [];
  transport: VirtioTransport | undefined;
  #queues: readonly (Queue | undefined)[] = [];

  attach(transport: VirtioTransport): void {
    this.transport = transport;
  }

  writeConfig(...write: [number, number, number]): void {
    this.log.push(['config', ...write]);
  }

  activate(queues: readonly (Queue | undefined)[], features: bigint): void {
    this.#queues = queues;
    this.log.push(['activate', queues.map((queue) => queue?.size), features]);
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) throw new Error('no driver uses this queue');
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      queue.push(chain, chain.write(0, new Uint8Array(chain.writableLength).fill(1)));
    }
    queue.signal();
  }

  reset(): void {
    this.#queues = [];
    this.log.push('reset');
  }

  save(): DeviceState {
    return { version: 1 };
  }

  load(): void {}
}

function machine(memory: GuestMemory = ram(0x1_0000)) {
  const device = new Filler();
  let interrupts = 0;
  const mmio = new VirtioMmio({
    device,
    dma: new GuestDma(memory),
    start: 0xd000_0000n,
    interrupt: () => {
      interrupts++;
    },
  });
  const write = (offset: number, value: number): void => mmio.write(offset, 4, value);
  const read = (offset: number): number => mmio.read(offset, 4);
  const negotiate = (low: number, high = 1): void => {
    for (const status of [0, 1, Status.Driver]) write(Offset.Status, status);
    for (const [select, features] of [low, high].entries()) {
      write(Offset.DriverFeaturesSel, select);
      write(Offset.DriverFeatures, features);
    }
    write(Offset.Status, Status.FeaturesOk);
  };
  const enable = (queue: number, size: number): void => {
    write(Offset.QueueSel, queue);
    write(Offset.QueueNum, size);
    write(Offset.QueueDesc, areas.descriptorArea);
    write(Offset.QueueDriver, areas.driverArea);
    write(Offset.QueueDevice, areas.deviceArea);
    write(Offset.QueueReady, 1);
  };
  return { device, mmio, memory, read, write, negotiate, enable, interrupts: () => interrupts };
}

const buffer = { address: 0x8000, length: 4, isWritable: true };

test('says what it is', () => {
  const { read, write, mmio } = machine();
  expect([read(Offset.Magic), read(Offset.Version), read(Offset.DeviceId)]).toEqual([0x7472_6976, 2, 42]);
  write(Offset.DeviceFeaturesSel, 0);
  expect(read(Offset.DeviceFeatures) & (1 << itsFeature)).toBe(1 << itsFeature);
  write(Offset.DeviceFeaturesSel, 1);
  expect(read(Offset.DeviceFeatures) & 1).toBe(1);
  write(Offset.DeviceFeaturesSel, 2);
  expect(read(Offset.DeviceFeatures)).toBe(0);
  for (const [queue, size] of [8, 4, 0].entries()) {
    write(Offset.QueueSel, queue);
    expect(read(Offset.QueueNumMax)).toBe(size);
  }
  expect([mmio.read(Offset.Config, 1), mmio.read(Offset.Config + 1, 2), read(Offset.Config + 4)]).toEqual([
    1, 0x302, 0x605,
  ]);
  // Registers are of 32 bits; there is nothing else, and no shared memory.
  expect([mmio.read(Offset.Magic, 1), mmio.read(Offset.Magic + 1, 4), read(Offset.QueueNum)]).toEqual([0, 0, 0]);
  expect([read(0xb0), read(0xb8)]).toEqual([0xffff_ffff, 0xffff_ffff]);
});

test('takes the features that it has offered, from drivers that know virtio 1', () => {
  const { device, read, write, negotiate } = machine();
  for (const [low, high] of [
    [1 << itsFeature, 0],
    [1 << (itsFeature + 1), 1],
    [0, 1 | (1 << 8)],
  ] as const) {
    negotiate(low, high);
    expect(read(Offset.Status)).toBe(Status.Driver);
    write(Offset.Status, Status.Ready);
    expect(read(Offset.Status) & 4).toBe(0);
  }
  negotiate(1 << itsFeature);
  expect(read(Offset.Status)).toBe(Status.FeaturesOk);
  // They are settled.
  write(Offset.DriverFeatures, 0);
  write(Offset.Status, Status.Ready);
  expect(device.log.at(-1)).toEqual(['activate', [undefined, undefined], bit(itsFeature) | bit(VIRTIO_F_VERSION_1)]);
});

test('gives the device its queues, and the driver its answers and interrupts', () => {
  const { device, memory, read, write, negotiate, enable, interrupts } = machine();
  const driver = new SplitDriver(memory, 8, false);
  negotiate(0);
  enable(0, 8);
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  // It is not ready yet.
  expect(driver.used()).toBeUndefined();
  write(Offset.Status, Status.Ready);
  expect(device.log.at(-1)).toEqual(['activate', [8, undefined], bit(VIRTIO_F_VERSION_1)]);
  // What was added before is looked at.
  expect([driver.used(), interrupts(), read(Offset.InterruptStatus)]).toEqual([{ id: 0, length: 4 }, 1, 1]);
  write(Offset.InterruptAck, 1);
  expect(read(Offset.InterruptStatus)).toBe(0);
  driver.add([buffer]);
  for (const queue of [1, 2, 0xffff_ffff]) write(Offset.QueueNotify, queue);
  expect(driver.used()).toBeUndefined();
  write(Offset.QueueNotify, 0);
  expect([driver.used()?.length, interrupts()]).toEqual([4, 2]);
  // A ring in use stays where it is.
  write(Offset.QueueDesc, 0);
  write(Offset.QueueNum, 2);
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  expect(driver.used()?.length).toBe(4);
});

test('tells the driver of a changed configuration', () => {
  const { device, mmio, read, write, negotiate, interrupts } = machine();
  const before = read(Offset.ConfigGeneration);
  device.transport?.configChanged();
  expect([read(Offset.ConfigGeneration) === before, interrupts()]).toEqual([false, 0]);
  negotiate(0);
  write(Offset.Status, Status.Ready);
  device.transport?.configChanged();
  expect([interrupts(), read(Offset.InterruptStatus)]).toEqual([1, 2]);
  mmio.write(Offset.Config + 4, 2, 0x1234);
  mmio.write(Offset.Config + 6, 2, 0x1234);
  expect(device.log.at(-1)).toEqual(['config', 4, 2, 0x1234]);
});

test('needs a reset after a chain that makes no sense, and works again after it', () => {
  const { device, memory, read, write, negotiate, enable, interrupts } = machine();
  let driver = new SplitDriver(memory, 8, false);
  const start = (): void => {
    memory.write(areas.driverArea, new Uint8Array(0x100));
    memory.write(areas.deviceArea, new Uint8Array(0x100));
    driver = new SplitDriver(memory, 8, false);
    negotiate(0);
    enable(0, 8);
    write(Offset.Status, Status.Ready);
  };
  start();
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  expect(driver.used()?.length).toBe(4);
  driver.add([{ ...buffer, address: 0xffff_ffff }]);
  write(Offset.QueueNotify, 0);
  expect([read(Offset.Status), driver.used(), interrupts()]).toEqual([Status.Ready | Status.NeedsReset, undefined, 2]);
  expect(read(Offset.InterruptStatus)).toBe(3);
  write(Offset.QueueNotify, 0);
  device.transport?.needsReset();
  expect(interrupts()).toBe(2);
  write(Offset.Status, 0);
  expect([read(Offset.Status), read(Offset.InterruptStatus), device.log.at(-1)]).toEqual([0, 0, 'reset']);
  // Every index begins at 0 again.
  start();
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  expect(driver.used()?.length).toBe(4);
});

test.each([
  ['a size of 0', 0, areas.descriptorArea],
  ['a size that is no power of two', 3, areas.descriptorArea],
  ['a size that is too large', 16, areas.descriptorArea],
  ['a ring outside memory', 8, 0x1_0000],
  ['a ring that is not aligned', 8, areas.descriptorArea + 8],
])('needs a reset if a queue has %s', (_, size, descriptors) => {
  const { device, read, write, negotiate, enable } = machine();
  negotiate(0);
  write(Offset.QueueSel, 0);
  enable(0, size);
  write(Offset.QueueReady, 0);
  write(Offset.QueueDesc, descriptors);
  write(Offset.QueueReady, 1);
  write(Offset.Status, Status.Ready);
  expect(read(Offset.Status)).toBe(Status.Ready | Status.NeedsReset);
  expect(device.log.filter((entry) => Array.isArray(entry))).toEqual([]);
});

test('a queue that is disabled stops', () => {
  const { memory, read, write, negotiate, enable } = machine();
  const driver = new SplitDriver(memory, 8, false);
  negotiate(0);
  enable(0, 8);
  write(Offset.Status, Status.Ready);
  write(Offset.QueueReady, 0);
  expect(read(Offset.QueueReady)).toBe(0);
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  expect(driver.used()).toBeUndefined();
  // Not before the next reset.
  write(Offset.QueueReady, 1);
  expect(read(Offset.QueueReady)).toBe(0);
});

test('goes on after a restore, with the chains that were pending and an interrupt', () => {
  const { memory, mmio, write, negotiate, enable } = machine();
  const driver = new SplitDriver(memory, 8, true);
  negotiate(Number(bit(VIRTIO_RING_F_EVENT_IDX)));
  enable(0, 8);
  write(Offset.Status, Status.Ready);
  driver.add([buffer]);
  write(Offset.QueueNotify, 0);
  driver.used();
  // The driver has added a chain, and its doorbell is lost.
  driver.add([buffer]);
  const saved = JSON.parse(JSON.stringify(mmio.save()));
  const restored = machine(memory);
  restored.mmio.load(saved);
  expect([driver.used()?.length, restored.interrupts() > 0]).toEqual([4, true]);
  driver.add([buffer]);
  restored.write(Offset.QueueNotify, 0);
  expect(driver.used()?.length).toBe(4);
  for (const wrong of [
    { ...saved, version: 2 },
    { ...saved, status: 256 },
    { ...saved, queues: [] },
    { ...saved, features: [1] },
    { ...saved, interruptStatus: -1 },
    { ...saved, queues: saved.queues.map((queue: object) => ({ ...queue, ring: { available: 65_536, used: 0 } })) },
    { ...saved, queues: saved.queues.map((queue: object) => ({ ...queue, areas: [] })) },
  ]) {
    expect(() => machine(memory).mmio.load(wrong)).toThrow(/must be|is of other queues/);
  }
});

test.each([
  ['is disabled', (write: (offset: number, value: number) => void) => write(Offset.QueueReady, 0)],
  ['is broken', (_: unknown, memory: GuestMemory) => memory.write(0x3002, Uint8Array.of(0xff, 0xff))],
])('a queue that %s while the device runs is saved as one that is not used', (_, end) => {
  const { memory, mmio, write, negotiate, enable } = machine();
  new SplitDriver(memory, 8, false).add([buffer]);
  negotiate(0);
  enable(0, 8);
  write(Offset.Status, Status.Ready);
  expect(mmio.save().queues[0]?.ring).toEqual({ available: 1, used: 1 });
  end(write, memory);
  write(Offset.QueueNotify, 0);
  const saved = mmio.save();
  expect(saved.queues[0]?.ring).toBeNull();
  const restored = machine(memory);
  restored.mmio.load(saved);
  expect(restored.mmio.save().queues).toEqual(saved.queues);
});

test('any sequence of accesses does no harm, and saves and loads', () => {
  const offset = fc.oneof(fc.constantFrom(...Object.values(Offset)), fc.nat(0x110));
  const value = fc.oneof(fc.nat(16), fc.constantFrom(0x1000, 0x3000, 0x4000, 0xffff_ffff), fc.nat(0xffff_ffff));
  const size = fc.oneof({ weight: 8, arbitrary: fc.constant(4 as const) }, fc.constantFrom<AccessSize>(1, 2));
  /** Most of a driver's way, so that what follows meets a device that runs. */
  const prefix = fc.constantFrom(0, 1, 2);
  fc.assert(
    fc.property(prefix, fc.array(fc.tuple(offset, size, value, fc.boolean()), { maxLength: 40 }), (steps, accesses) => {
      const { mmio, memory, write, negotiate, enable } = machine();
      const driver = new SplitDriver(memory, 8, false);
      if (steps > 0) negotiate(0);
      if (steps > 1) {
        enable(0, 8);
        driver.add([buffer]);
        write(Offset.Status, Status.Ready);
      }
      for (const [at, width, written, isWrite] of accesses) {
        if (isWrite) mmio.write(at, width, written);
        else expect(mmio.read(at, width)).toBeLessThan(2 ** (8 * width));
      }
      const saved = JSON.parse(JSON.stringify(mmio.save()));
      const other = machine(memory);
      other.mmio.load(saved);
      expect({ ...other.mmio.save(), interruptStatus: 0 }).toEqual({ ...saved, interruptStatus: 0 });
      // Whatever was done: a reset brings it back.
      memory.write(0, new Uint8Array(memory.size));
      const fresh = new SplitDriver(memory, 8, false);
      negotiate(0);
      enable(0, 8);
      write(Offset.Status, Status.Ready);
      fresh.add([buffer]);
      write(Offset.QueueNotify, 0);
      expect(fresh.used()?.length).toBe(4);
    }),
    { numRuns: 2000 },
  );
});

import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestInterrupt } from '../../test/pci-function.js';
import { PlainDma } from '../../test/plain-dma.js';
import type { AccessSize } from '../bus/registers.js';
import type { DeviceState } from '../devices/device.js';
import { InterruptLine } from '../devices/interrupt-line.js';
import { PciBus } from '../pci/bus.js';
import { doorbellOffset } from './pci-layout.js';
import type { Queue } from './queue.js';
import type { VirtioDevice, VirtioTransport } from './virtio-device.js';
import { VirtioPci } from './virtio-pci.js';

/** Fills every buffer with 0x5a; its configuration space has eight bytes that the driver can write. */
class Filler implements VirtioDevice {
  readonly name = 'filler';
  readonly type = 4;
  readonly features = 0n;
  readonly queueSizes = [8, 4];
  readonly config = new Uint8Array(8);
  #queues: readonly (Queue | undefined)[] = [];
  transport: VirtioTransport | undefined;

  attach(transport: VirtioTransport): void {
    this.transport = transport;
  }

  writeConfig(offset: number, size: number, value: number): void {
    for (let i = 0; i < size; i++) this.config[offset + i] = value >>> (8 * i);
  }

  activate(queues: readonly (Queue | undefined)[]): void {
    this.#queues = queues;
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    for (let chain = queue?.pop(); chain !== undefined; chain = queue?.pop()) {
      queue?.push(chain, chain.write(0, buffer, 0, Math.min(chain.writableLength, buffer.length)));
    }
    queue?.signal();
  }

  reset(): void {
    this.#queues = [];
  }

  save(): DeviceState & { config: number[] } {
    return { version: 1, config: [...this.config] };
  }

  load({ config }: DeviceState & { config?: number[] }): void {
    if (!Array.isArray(config)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'config must be an array');
    this.config.set(config);
  }
}

const buffer = new Uint8Array(64).fill(0x5a);
const windowStart = 0xe800_0000;
const Structure = { Common: 1, Notify: 2, Isr: 3, Device: 4, Access: 5 } as const;
const Status = { Acknowledge: 1, Driver: 2, DriverOk: 4, FeaturesOk: 8 } as const;

/** A machine with the device, and a driver for it that knows nothing but the specification. */
class Driver {
  readonly dma = new PlainDma(0x1_0000);
  readonly device = new Filler();
  readonly interrupts: TestInterrupt[] = [];
  readonly levels: boolean[] = [];
  readonly rings: (number | undefined)[] = [];
  readonly bus = new PciBus({ ecam: 0xe000_0000n, memory32: { start: BigInt(windowStart), length: 0x10_0000n } });
  readonly transport: VirtioPci;
  readonly #structures = new Map<number, number>();
  #msix = 0;
  #access = 0;

  constructor() {
    this.transport = new VirtioPci({
      device: this.device,
      dma: this.dma,
      line: new InterruptLine((level) => this.levels.push(level)),
      message: () => {
        const interrupt = new TestInterrupt();
        this.interrupts.push(interrupt);
        return interrupt;
      },
      doorbell: () => {
        const queue = this.rings.push(undefined) - 1;
        return { place: (address) => (this.rings[queue] = address), ring: () => {} };
      },
    });
    this.bus.add(this.transport);
    this.#findStructures();
  }

  config(offset: number, size: AccessSize): number {
    return this.bus.readConfig(0, offset, size);
  }

  setConfig(offset: number, size: AccessSize, value: number): void {
    this.bus.writeConfig(0, offset, size, value);
  }

  read(structure: number, offset: number, size: AccessSize): number {
    return this.bus.read((this.#structures.get(structure) as number) + offset, size, 1);
  }

  write(structure: number, offset: number, size: AccessSize, value: number): void {
    this.bus.write((this.#structures.get(structure) as number) + offset, size, value, 1);
  }

  enableMsix(): void {
    for (const vector of [0, 1, 2]) {
      for (const [index, value] of [0xfee0_0000, 0, 0x40 + vector, 0].entries()) {
        this.bus.write(0x4000 + 16 * vector + 4 * index, 4, value, 1);
      }
    }
    this.setConfig(this.#msix + 2, 2, 0x8000);
  }

  /** Sets both queues up, with their rings at 0x1000 and 0x2000, and vectors 1 and 2. */
  start(): void {
    this.write(Structure.Common, 20, 1, Status.Acknowledge | Status.Driver);
    this.write(Structure.Common, 8, 4, 1);
    this.write(Structure.Common, 12, 4, 1);
    this.write(Structure.Common, 20, 1, Status.Acknowledge | Status.Driver | Status.FeaturesOk);
    this.write(Structure.Common, 16, 2, 0);
    for (const queue of [0, 1]) {
      this.write(Structure.Common, 22, 2, queue);
      this.write(Structure.Common, 26, 2, queue + 1);
      for (const [index, offset] of [0, 0x400, 0x800].entries()) {
        this.write(Structure.Common, 32 + 8 * index, 4, 0x1000 * (queue + 1) + offset);
        this.write(Structure.Common, 36 + 8 * index, 4, 0);
      }
      this.write(Structure.Common, 28, 2, 1);
    }
    this.write(Structure.Common, 20, 1, 0xf);
  }

  /** Offers 16 bytes at 0x8000 to a queue, and rings. */
  offer(queue: number): void {
    const ring = 0x1000 * (queue + 1);
    this.dma.write32(ring, 0x8000);
    this.dma.write32(ring + 8, 16);
    this.dma.write32(ring + 12, 2);
    this.dma.store16(ring + 0x402, this.dma.load16(ring + 0x402) + 1);
    this.write(Structure.Common, 22, 2, queue);
    this.write(Structure.Notify, this.read(Structure.Common, 30, 2) * 4, 2, queue);
  }

  used(queue: number): number {
    return this.dma.load16(0x1000 * (queue + 1) + 0x802);
  }

  /** An access through the window in configuration space. */
  select(offset: number, length: number): number {
    this.setConfig(this.#access + 4, 1, 0);
    this.setConfig(this.#access + 8, 4, offset);
    this.setConfig(this.#access + 12, 4, length);
    return this.#access + 16;
  }

  #findStructures(): void {
    this.setConfig(4, 2, 6);
    for (let at = this.config(0x34, 1); at !== 0; at = this.config(at + 1, 1)) {
      if (this.config(at, 1) === 0x11) this.#msix = at;
      if (this.config(at, 1) !== 9) continue;
      const type = this.config(at + 3, 1);
      if (type === Structure.Access) this.#access = at;
      else this.#structures.set(type, this.config(at + 8, 4));
    }
  }
}

test('a driver knows the device by its ids, and finds its structures in the BAR', () => {
  const driver = new Driver();
  expect([driver.config(0, 4), driver.config(8, 4), driver.config(0x2c, 4)]).toEqual([
    0x1044_1af4, 0xff00_0001, 0x1044_1af4,
  ]);
  expect([driver.read(Structure.Common, 18, 2), driver.read(Structure.Common, 24, 2)]).toEqual([2, 8]);
  driver.write(Structure.Common, 22, 2, 1);
  expect(driver.read(Structure.Common, 24, 2)).toBe(4);
  driver.write(Structure.Common, 22, 2, 2);
  expect(driver.read(Structure.Common, 24, 2)).toBe(0);
  driver.write(Structure.Common, 0, 4, 1);
  expect(driver.read(Structure.Common, 4, 4) & 1).toBe(1);
  driver.write(Structure.Device, 4, 4, 0x1122_3344);
  expect([driver.read(Structure.Device, 6, 2), driver.read(Structure.Device, 8, 4)]).toEqual([0x1122, 0]);
});

test('with MSI-X each queue has its vector, and the configuration another', () => {
  const driver = new Driver();
  driver.enableMsix();
  driver.start();
  driver.offer(1);
  expect([driver.used(0), driver.used(1), driver.dma.bytes[0x800f], driver.dma.bytes[0x8010]]).toEqual([0, 1, 0x5a, 0]);
  driver.offer(0);
  driver.device.transport?.configChanged();
  expect(driver.interrupts.map(({ sent }) => sent.map(({ data }) => data))).toEqual([[0x40], [0x41], [0x42]]);
  expect([driver.levels, driver.read(Structure.Isr, 0, 1)]).toEqual([[], 0]);
});

test('a vector that is not there is none, and its interrupts are lost', () => {
  const driver = new Driver();
  driver.enableMsix();
  driver.start();
  driver.write(Structure.Common, 22, 2, 0);
  driver.write(Structure.Common, 26, 2, 3);
  driver.write(Structure.Common, 16, 2, 0xfffe);
  expect([driver.read(Structure.Common, 26, 2), driver.read(Structure.Common, 16, 2)]).toEqual([0xffff, 0xffff]);
  driver.offer(0);
  expect([driver.used(0), driver.interrupts.flatMap(({ sent }) => sent)]).toEqual([1, []]);
});

test('without MSI-X the pin is high until the driver reads the ISR status', () => {
  const driver = new Driver();
  driver.start();
  driver.offer(0);
  driver.device.transport?.configChanged();
  expect(driver.levels).toEqual([true]);
  expect([driver.read(Structure.Isr, 0, 1), driver.read(Structure.Isr, 0, 1)]).toEqual([3, 0]);
  expect(driver.levels).toEqual([true, false]);
  driver.offer(0);
  driver.enableMsix();
  expect(driver.levels).toEqual([true, false, true, false]);
});

test('a reset puts vectors, interrupts and queues back', () => {
  const driver = new Driver();
  driver.start();
  driver.offer(0);
  driver.write(Structure.Common, 20, 1, 0);
  expect([driver.read(Structure.Common, 20, 1), driver.read(Structure.Isr, 0, 1), driver.levels.at(-1)]).toEqual([
    0,
    0,
    false,
  ]);
  driver.write(Structure.Common, 22, 2, 0);
  expect([driver.read(Structure.Common, 28, 2), driver.read(Structure.Common, 26, 2)]).toEqual([0, 0xffff]);
});

test('the doorbells are where the BAR is', () => {
  const driver = new Driver();
  expect(driver.rings).toEqual([windowStart + doorbellOffset(0), windowStart + doorbellOffset(1)]);
  driver.setConfig(0x10, 4, windowStart + 0x8000);
  expect(driver.rings).toEqual([windowStart + 0x8000 + doorbellOffset(0), windowStart + 0x8000 + doorbellOffset(1)]);
  driver.setConfig(4, 2, 4);
  expect(driver.rings).toEqual([undefined, undefined]);
});

test('the window in configuration space reaches the registers, where it is set as the specification says', () => {
  const driver = new Driver();
  driver.setConfig(4, 2, 0);
  let data = driver.select(0x2000, 4);
  driver.setConfig(data, 4, 0x1122_3344);
  expect(driver.config(data, 4)).toBe(0x1122_3344);
  data = driver.select(0x2001, 1);
  expect(driver.config(data, 1)).toBe(0x33);
  for (const [offset, length] of [
    [0x2001, 2],
    [0x2000, 3],
    [0x2000, 0],
    [0x8000, 4],
    [0xffff_fffc, 4],
  ] as const) {
    data = driver.select(offset, length);
    driver.setConfig(data, 4, 0xffff_ffff);
    expect(driver.config(data, 4)).toBe(0);
  }
  driver.setConfig(data - 12, 1, 1);
  expect(driver.config(data, 4)).toBe(0);
});

const access = fc.record({
  place: fc.oneof(
    fc.record({ config: fc.nat(0xff) }),
    fc.record({ bar: fc.oneof(fc.nat(0x3f), fc.nat(0x7fff), fc.integer({ min: 0x4000, max: 0x4030 })) }),
    fc.record({ memory: fc.oneof(fc.integer({ min: 0x1000, max: 0x1040 }), fc.integer({ min: 0x1400, max: 0x1410 })) }),
  ),
  size: fc.constantFrom<AccessSize>(1, 2, 4),
  value: fc.option(fc.oneof(fc.nat(0xffff_ffff), fc.nat(0x10), fc.constantFrom(0x1000, 0x1400, 0x1800)), {
    nil: undefined,
  }),
});
type Access = typeof access extends fc.Arbitrary<infer A> ? A : never;

function perform(driver: Driver, { place, size, value }: Access): number | undefined {
  const written = value === undefined ? undefined : value % 2 ** (8 * size);
  if ('memory' in place) {
    if (written !== undefined) driver.dma.bytes[place.memory] = written;
  } else if ('config' in place) {
    if (written === undefined) return driver.config(place.config, size);
    driver.setConfig(place.config, size, written);
  } else {
    if (written === undefined) return driver.transport.read(place.bar, size);
    driver.transport.write(place.bar, size, written);
  }
  return undefined;
}

test('any accesses leave a device that works, can be saved, and goes on', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(access, { maxLength: 80 }), (isStarted, steps) => {
      const driver = new Driver();
      if (isStarted) driver.start();
      for (const step of steps) {
        const value = perform(driver, step);
        if (value !== undefined)
          expect(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * step.size)).toBe(true);
      }
      const state = JSON.parse(JSON.stringify(driver.transport.save()));
      const restored = new Driver();
      restored.dma.bytes.set(driver.dma.bytes);
      restored.transport.load(state);
      const again = restored.transport.save();
      expect([again.config, again.vectors, again.msix.entries]).toEqual([
        state.config,
        state.vectors,
        state.msix.entries,
      ]);
      expect(restored.rings).toEqual(driver.rings);
      for (const each of [driver, restored]) {
        each.setConfig(4, 2, 6);
        each.setConfig(0x10, 4, windowStart);
        each.write(Structure.Common, 20, 1, 0);
        each.dma.bytes.fill(0);
        each.start();
        each.offer(0);
        expect(each.used(0)).toBe(1);
      }
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['another version', { version: 2 }],
  ['other registers', { config: {} }],
  ['a reserved bit of MSI-X', { msix: { entries: Array(12).fill(2), pending: [] } }],
  ['a vector too few', { vectors: [0, 1] }],
  ['a vector that is not there', { vectors: [0, 1, 3] }],
  ['another ISR status', { isr: 4 }],
  ['other queues', { common: { queues: [] } }],
  ['more', { other: 1 }],
])('a state with %s is refused, and changes nothing', (_, fields) => {
  const driver = new Driver();
  driver.enableMsix();
  driver.write(Structure.Common, 16, 2, 2);
  const good = driver.transport.save();
  expect(() => driver.transport.load({ ...good, ...fields } as never)).toThrow(KvmError);
  expect(driver.transport.save()).toEqual(good);
});

import { KvmError } from '@kvm/core';
import { integer, u32 } from '@kvm/core/struct';
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
} from '../abi/virtio/constants.js';
import type { AccessSize } from '../bus/registers.js';
import type { DeviceState } from '../devices/device.js';
import type { Dma } from './dma.js';
import { acceptable, offered } from './features.js';
import { openRing } from './open-ring.js';
import type { Ring, RingState } from './queue.js';
import { QueueSetup, type QueueSetupState } from './queue-setup.js';
import type { VirtioDevice, VirtioTransport } from './virtio-device.js';

const Status = {
  Acknowledge: VIRTIO_CONFIG_S_ACKNOWLEDGE,
  Driver: VIRTIO_CONFIG_S_DRIVER,
  DriverOk: VIRTIO_CONFIG_S_DRIVER_OK,
  FeaturesOk: VIRTIO_CONFIG_S_FEATURES_OK,
  NeedsReset: VIRTIO_CONFIG_S_NEEDS_RESET,
  Failed: VIRTIO_CONFIG_S_FAILED,
} as const;

/** The bits that a driver may set as it likes. */
const plain = Status.Acknowledge | Status.Driver | Status.Failed;
const everyStatus = plain | Status.DriverOk | Status.FeaturesOk | Status.NeedsReset;

/** The interrupts of a transport. */
export interface VirtioInterrupts {
  /** A queue has chains that the device has used. */
  queue(index: number): void;
  /** The configuration has changed, or the device needs a reset. */
  config(): void;
}

/** What `CommonConfig.save` returns: plain values that JSON carries. */
export interface CommonState {
  readonly status: number;
  readonly generation: number;
  readonly selects: readonly number[];
  /** The features that the driver has chosen, as their low and their high half. */
  readonly features: readonly number[];
  readonly queues: readonly QueueState[];
  readonly device: DeviceState;
}

interface QueueState extends QueueSetupState {
  /** Where the queue stands; null unless the driver uses it. */
  readonly ring: RingState | null;
}

/**
 * What every transport has of a device: status, features, the set-up of queues, the configuration space. The names are
 * those of `struct virtio_pci_common_cfg`. Virtio 1.3, 2 and 3.1. Everything comes from the guest, and any number is
 * taken: what makes no sense is ignored, or refused as the specification says.
 */
export class CommonConfig {
  readonly device: VirtioDevice;
  /** Which 32 bits of the features `deviceFeature` and `driverFeature` are, and which queue the registers are of. */
  deviceFeatureSelect = 0;
  driverFeatureSelect = 0;
  queueSelect = 0;
  /**
   * Calls `notify` for a queue later, after other things of the thread. With it, one call handles no more chains than
   * fit the ring.
   */
  postpone: ((queue: number) => void) | undefined;
  readonly #dma: Dma;
  readonly #interrupts: VirtioInterrupts;
  readonly #offered: Uint32Array;
  readonly #driverFeatures = new Uint32Array(2);
  readonly #queues: readonly QueueSetup[];
  /** The queues that the driver uses, between DRIVER_OK and the reset. */
  #rings: readonly (Ring | undefined)[] = [];
  #status = 0;
  #generation = 0;

  constructor(device: VirtioDevice, dma: Dma, interrupts: VirtioInterrupts) {
    this.device = device;
    this.#dma = dma;
    this.#interrupts = interrupts;
    this.#offered = Uint32Array.from([0, 32], (shift) => Number(BigInt.asUintN(32, offered(device) >> BigInt(shift))));
    this.#queues = device.queueSizes.map((size) => new QueueSetup(size));
    device.attach({
      configChanged: () => this.#configChanged(),
      needsReset: () => this.#needsReset(),
      usedChains: (queue) => this.#interrupts.queue(queue),
    } satisfies VirtioTransport);
  }

  get queueCount(): number {
    return this.#queues.length;
  }

  get deviceFeature(): number {
    return this.#offered[this.deviceFeatureSelect] ?? 0;
  }

  get driverFeature(): number {
    return this.#driverFeatures[this.driverFeatureSelect] ?? 0;
  }

  set driverFeature(value: number) {
    const isOpen = (this.#status & Status.FeaturesOk) === 0;
    if (isOpen && this.driverFeatureSelect < 2) this.#driverFeatures[this.driverFeatureSelect] = value;
  }

  get status(): number {
    return this.#status;
  }

  /** A write of 0 resets the device. No other write clears a bit. */
  set status(value: number) {
    if (value === 0) {
      this.reset();
      return;
    }
    const before = this.#status;
    this.#status |= value & plain;
    if ((value & Status.FeaturesOk) !== 0 && acceptable(setOf(this.#driverFeatures), setOf(this.#offered)))
      this.#status |= Status.FeaturesOk;
    const starts = (value & ~before & Status.DriverOk) !== 0 && (this.#status & Status.FeaturesOk) !== 0;
    if (!starts || (before & Status.NeedsReset) !== 0) return;
    this.#status |= Status.DriverOk;
    this.#start();
    this.#ringAll();
  }

  /** It changes whenever the configuration space does. */
  get configGeneration(): number {
    return this.#generation;
  }

  /** The largest size of the selected queue; 0 if there is no such queue. */
  get queueSizeMax(): number {
    return this.#queues[this.queueSelect]?.sizeMax ?? 0;
  }

  get queueSize(): number {
    return this.#queues[this.queueSelect]?.size ?? 0;
  }

  set queueSize(value: number) {
    const queue = this.#queues[this.queueSelect];
    if (queue !== undefined) queue.size = value & 0xffff;
  }

  /** 1 if the selected queue is enabled. */
  get queueEnable(): number {
    return Number(this.#queues[this.queueSelect]?.isEnabled ?? false);
  }

  /** A queue may be enabled before DRIVER_OK, and disabled at any time. */
  set queueEnable(value: number) {
    const queue = this.#queues[this.queueSelect];
    if (queue === undefined) return;
    if (value === 0) this.#rings[this.queueSelect]?.stop();
    if (value === 0 || (value === 1 && !this.#isActive)) queue.isEnabled = value === 1;
  }

  /** The set-up of the selected queue, for the addresses of its areas. */
  get queue(): QueueSetup | undefined {
    return this.#queues[this.queueSelect];
  }

  /** Reads the configuration space. Beyond its end are zeros. */
  readConfig(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.device.config[offset + i] ?? 0);
    return value;
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    if (offset < this.device.config.length) this.device.writeConfig?.(offset, size, value);
  }

  /** A doorbell: of a queue that may not exist, from a driver that may not be ready. */
  notify(index: number): void {
    const ring = this.#rings[index];
    if (!this.#isActive || ring === undefined) return;
    ring.refill();
    this.device.notify(index);
  }

  reset(): void {
    this.#stop();
    this.#status = 0;
    this.#driverFeatures.fill(0);
    this.deviceFeatureSelect = 0;
    this.driverFeatureSelect = 0;
    this.queueSelect = 0;
    for (const queue of this.#queues) queue.reset();
    this.device.reset();
  }

  save(): CommonState {
    return {
      status: this.#status,
      generation: this.#generation,
      selects: [this.deviceFeatureSelect, this.driverFeatureSelect, this.queueSelect],
      features: [...this.#driverFeatures],
      queues: this.#queues.map((queue, index) => ({ ...queue.save(), ring: this.#placeOf(index) })),
      device: this.device.save(),
    };
  }

  /** Where a queue stands; null for one that is not in use, or not any more. */
  #placeOf(index: number): RingState | null {
    const isUsed = this.#isActive && this.#queues[index]?.isEnabled === true;
    return (isUsed && this.#rings[index]?.save()) || null;
  }

  /**
   * Takes on a saved state. Every queue in use is looked at as if its doorbell had rung, and every interrupt is raised
   * again: neither is part of a state.
   */
  load(state: CommonState): void {
    const { status, generation, selects, features, queues, device } = state;
    if (!Array.isArray(queues) || queues.length !== this.#queues.length) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the state of ${this.device.name} is of other queues`);
    }
    this.#stop();
    this.#status = integer(status, 0, everyStatus, 'the status of a virtio device') & everyStatus;
    this.#generation = integer(generation, 0, 0xff, 'the generation of a configuration');
    const [deviceSelect, driverSelect, queueSelect] = selects ?? [];
    this.deviceFeatureSelect = u32(deviceSelect as number, 'a register of a virtio device');
    this.driverFeatureSelect = u32(driverSelect as number, 'a register of a virtio device');
    this.queueSelect = u32(queueSelect as number, 'a register of a virtio device');
    for (const half of [0, 1]) this.#driverFeatures[half] = u32(features?.[half] as number, 'features of a driver');
    for (const [index, queue] of this.#queues.entries()) queue.load(queues[index] as QueueState);
    this.device.load(device);
    if (!this.#isActive) return;
    this.#start(queues);
    this.#ringAll();
    for (const [index, ring] of this.#rings.entries()) if (ring !== undefined) this.#interrupts.queue(index);
  }

  /** Whether the driver uses the device. */
  get #isActive(): boolean {
    return (this.#status & (Status.DriverOk | Status.NeedsReset)) === Status.DriverOk;
  }

  #start(saved: readonly QueueState[] = []): void {
    const features = setOf(this.#driverFeatures);
    let isValid = true;
    this.#rings = this.#queues.map((queue, index) => {
      if (!queue.isEnabled) return undefined;
      const ring = openRing(this.#dma, queue, features, {
        interrupt: () => this.#interrupts.queue(index),
        needsReset: () => this.#needsReset(),
        spent: this.postpone && (() => this.postpone?.(index)),
      });
      isValid &&= ring !== undefined;
      const state = saved[index]?.ring;
      if (state) ring?.load(state);
      return ring;
    });
    if (isValid) this.device.activate(this.#rings, features, this.#queues);
    else this.#needsReset();
  }

  #ringAll(): void {
    for (let index = 0; index < this.#rings.length; index++) this.notify(index);
  }

  #stop(): void {
    for (const ring of this.#rings) ring?.stop();
    this.#rings = [];
  }

  #configChanged(): void {
    this.#generation = (this.#generation + 1) & 0xff;
    if (this.#isActive) this.#interrupts.config();
  }

  #needsReset(): void {
    for (const ring of this.#rings) ring?.stop();
    if ((this.#status & Status.NeedsReset) !== 0) return;
    this.#status |= Status.NeedsReset;
    if ((this.#status & Status.DriverOk) !== 0) this.#interrupts.config();
  }
}

/** A set of features, from its two halves. */
function setOf([low = 0, high = 0]: Uint32Array): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

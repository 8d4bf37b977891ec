import { integer } from '@kvm/core/struct';
import {
  VIRTIO_MMIO_CONFIG,
  VIRTIO_MMIO_CONFIG_GENERATION,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DEVICE_ID,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_INT_CONFIG,
  VIRTIO_MMIO_INT_VRING,
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_MAGIC_VALUE,
  VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
  VIRTIO_MMIO_QUEUE_AVAIL_LOW,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_NUM,
  VIRTIO_MMIO_QUEUE_NUM_MAX,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_QUEUE_USED_HIGH,
  VIRTIO_MMIO_QUEUE_USED_LOW,
  VIRTIO_MMIO_SHM_BASE_HIGH,
  VIRTIO_MMIO_SHM_BASE_LOW,
  VIRTIO_MMIO_SHM_LEN_HIGH,
  VIRTIO_MMIO_SHM_LEN_LOW,
  VIRTIO_MMIO_STATUS,
  VIRTIO_MMIO_VENDOR_ID,
  VIRTIO_MMIO_VERSION,
} from '../abi/virtio/constants.js';
import type { AccessSize } from '../bus/registers.js';
import { type BusRange, checkVersion, type Device, type DeviceState } from '../devices/device.js';
import { CommonConfig, type CommonState } from './common-config.js';
import type { Dma } from './dma.js';
import { Area } from './queue-setup.js';
import type { VirtioDevice } from './virtio-device.js';

/** 'virt', the lowest byte first. */
const magic = 0x7472_6976;
const version = 2;
/** 'kvmt': nobody assigns these numbers for MMIO. */
const vendor = 0x746d_766b;
const allOnes = 0xffff_ffff;
/** Bytes of its registers: a page of its own. */
const length = 0x1000;

export interface VirtioMmioOptions {
  device: VirtioDevice;
  dma: Dma;
  /** Where its registers are: a guest-physical address. */
  start: bigint;
  /** Interrupts the guest: a rising edge. */
  interrupt(): void;
}

export interface VirtioMmioState extends CommonState, DeviceState {
  readonly version: 1;
  readonly interruptStatus: number;
}

/** A register of 32 bits. */
interface Register {
  readonly read?: () => number;
  readonly write?: (value: number) => void;
}

/**
 * A virtio device behind memory-mapped registers, version 2. Virtio 1.3, 4.2.
 *
 * Its interrupt is an edge for each event, so that an eventfd can carry it. Nothing is lost between the driver's read
 * of InterruptStatus and its acknowledgement: what the device did before that edge, the driver finds after the latter.
 */
export class VirtioMmio implements Device {
  readonly name: string;
  readonly ranges: readonly BusRange[];
  readonly common: CommonConfig;
  readonly #registers: ReadonlyMap<number, Register>;
  readonly #interrupt: () => void;
  #interruptStatus = 0;

  constructor({ device, dma, start, interrupt }: VirtioMmioOptions) {
    this.name = device.name;
    this.ranges = [{ bus: 'mmio', start, length: BigInt(length) }];
    this.#interrupt = interrupt;
    this.common = new CommonConfig(device, dma, {
      queue: () => this.#raise(VIRTIO_MMIO_INT_VRING),
      config: () => this.#raise(VIRTIO_MMIO_INT_CONFIG),
    });
    this.#registers = this.#table();
  }

  /** Where the driver rings, and with which value, for each queue. */
  get doorbells(): { readonly address: bigint; readonly value: number }[] {
    const address = (this.ranges[0]?.start as bigint) + BigInt(VIRTIO_MMIO_QUEUE_NOTIFY);
    return Array.from({ length: this.common.queueCount }, (_, value) => ({ address, value }));
  }

  read(offset: number, size: AccessSize): number {
    if (offset >= VIRTIO_MMIO_CONFIG) return this.common.readConfig(offset - VIRTIO_MMIO_CONFIG, size);
    return size === 4 ? (this.#registers.get(offset)?.read?.() ?? 0) : 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= VIRTIO_MMIO_CONFIG) this.common.writeConfig(offset - VIRTIO_MMIO_CONFIG, size, value);
    else if (size === 4) this.#registers.get(offset)?.write?.(value);
  }

  save(): VirtioMmioState {
    return { version: 1, interruptStatus: this.#interruptStatus, ...this.common.save() };
  }

  load(state: VirtioMmioState): void {
    checkVersion(state, 1, this.name);
    this.#interruptStatus = integer(state.interruptStatus, 0, 3, 'InterruptStatus');
    this.common.load(state);
  }

  #raise(cause: number): void {
    this.#interruptStatus |= cause;
    this.#interrupt();
  }

  #setStatus(value: number): void {
    if (value === 0) this.#interruptStatus = 0;
    this.common.status = value & 0xff;
  }

  #table(): ReadonlyMap<number, Register> {
    const { common } = this;
    const half = (area: Area, isHigh: boolean): Register => ({
      write: (value) => common.queue?.setHalf(area, isHigh, value),
    });
    // There is no shared memory: all lengths and addresses are -1.
    const none: Register = { read: () => allOnes };
    return new Map<number, Register>([
      [VIRTIO_MMIO_MAGIC_VALUE, { read: () => magic }],
      [VIRTIO_MMIO_VERSION, { read: () => version }],
      [VIRTIO_MMIO_DEVICE_ID, { read: () => common.device.type }],
      [VIRTIO_MMIO_VENDOR_ID, { read: () => vendor }],
      [VIRTIO_MMIO_DEVICE_FEATURES, { read: () => common.deviceFeature }],
      [VIRTIO_MMIO_DEVICE_FEATURES_SEL, { write: (value) => (common.deviceFeatureSelect = value) }],
      [VIRTIO_MMIO_DRIVER_FEATURES, { write: (value) => (common.driverFeature = value) }],
      [VIRTIO_MMIO_DRIVER_FEATURES_SEL, { write: (value) => (common.driverFeatureSelect = value) }],
      [VIRTIO_MMIO_QUEUE_SEL, { write: (value) => (common.queueSelect = value) }],
      [VIRTIO_MMIO_QUEUE_NUM_MAX, { read: () => common.queueSizeMax }],
      [VIRTIO_MMIO_QUEUE_NUM, { write: (value) => (common.queueSize = value) }],
      [VIRTIO_MMIO_QUEUE_READY, { read: () => common.queueEnable, write: (value) => (common.queueEnable = value) }],
      [VIRTIO_MMIO_QUEUE_NOTIFY, { write: (value) => common.notify(value) }],
      [VIRTIO_MMIO_INTERRUPT_STATUS, { read: () => this.#interruptStatus }],
      [VIRTIO_MMIO_INTERRUPT_ACK, { write: (value) => (this.#interruptStatus &= ~value) }],
      [VIRTIO_MMIO_STATUS, { read: () => common.status, write: (value) => this.#setStatus(value) }],
      [VIRTIO_MMIO_QUEUE_DESC_LOW, half(Area.Descriptor, false)],
      [VIRTIO_MMIO_QUEUE_DESC_HIGH, half(Area.Descriptor, true)],
      [VIRTIO_MMIO_QUEUE_AVAIL_LOW, half(Area.Driver, false)],
      [VIRTIO_MMIO_QUEUE_AVAIL_HIGH, half(Area.Driver, true)],
      [VIRTIO_MMIO_QUEUE_USED_LOW, half(Area.Device, false)],
      [VIRTIO_MMIO_QUEUE_USED_HIGH, half(Area.Device, true)],
      [VIRTIO_MMIO_SHM_LEN_LOW, none],
      [VIRTIO_MMIO_SHM_LEN_HIGH, none],
      [VIRTIO_MMIO_SHM_BASE_LOW, none],
      [VIRTIO_MMIO_SHM_BASE_HIGH, none],
      [VIRTIO_MMIO_CONFIG_GENERATION, { read: () => common.configGeneration }],
    ]);
  }
}

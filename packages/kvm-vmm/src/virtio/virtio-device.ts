import type { EventFd } from '@kvm/core';
import type { DeviceState } from '../devices/device.js';
import type { Ring } from './queue.js';
import type { QueueSetup } from './queue-setup.js';

/** What a virtio device may ask of the transport that it is behind. */
export interface VirtioTransport {
  /**
   * The device has changed its configuration space: tells the driver, once there is one. Change all bytes of one change
   * before the call.
   */
  configChanged(): void;
  /**
   * The device cannot go on until the driver resets it, as after a request that makes no sense. Its queues stop, and
   * the driver is told. Virtio 1.3, 2.1.2: DEVICE_NEEDS_RESET.
   */
  needsReset(): void;
  /** Interrupts the driver for a queue: for a device whose queues belong to another thread. */
  usedChains(queue: number): void;
}

/**
 * A virtio device without its transport: features, configuration space, and what to do with the chains of its queues.
 * All calls come from the one thread that owns it. It lives between `reset` (or its construction) and `activate`
 * without queues.
 */
export interface VirtioDevice {
  /** Unique within a machine, as `disk0`. Saved states and errors use it. */
  readonly name: string;
  /** One of `VIRTIO_ID_*`. */
  readonly type: number;
  /**
   * The features of its kind that it offers, bit n for feature n. The transport adds those of queues and of transports:
   * VERSION_1, INDIRECT_DESC, EVENT_IDX, RING_PACKED.
   */
  readonly features: bigint;
  /** The largest size of each of its queues, a power of two up to 32768. */
  readonly queueSizes: readonly number[];
  /** Whether it uses chains in the order in which it got them, always: the transport offers IN_ORDER then. */
  readonly inOrder?: boolean;
  /** The configuration space as the driver reads it now. Its length does not change. Reads beyond are 0. */
  readonly config: Uint8Array;
  /** What the doorbells of all queues signal, for a device that waits for them in another thread. */
  readonly doorbell?: EventFd;

  /** The one transport that it is behind, before any other call. */
  attach(transport: VirtioTransport): void;
  /**
   * The driver writes 1, 2 or 4 bytes of the configuration space, at least one of them within `config`. Without this
   * method the space is read-only.
   */
  writeConfig?(offset: number, size: number, value: number): void;
  /**
   * The driver is ready (DRIVER_OK). Pop no chain yet: `notify` follows for each queue, as if the driver had rung,
   * for it may have added chains before. The same happens after `load` of a device that was active.
   *
   * @param queues by their index; undefined for those that the driver has not enabled.
   * @param features those that both sides have.
   * @param setups where the driver has put each queue, for a device that uses them in another thread. Such a device
   *   brings `queues` up to date in `hold`.
   */
  activate(queues: readonly (Ring | undefined)[], features: bigint, setups: readonly QueueSetup[]): void;
  /** There may be new chains in a queue that is enabled. It may be called without any, and once for many. */
  notify(queue: number): void;
  /** Milliseconds until `update` is to be called, for devices with timers; infinite without one that runs. */
  readonly msUntilUpdate?: number;
  /** The time may have come. */
  update?(): void;
  /** Forgets the queues, the features and every request: the driver has reset the device. Push no chain any more. */
  reset(): void;
  /**
   * Leaves the guest's memory alone from now on, until `release`: returns when no request is in flight any more. For a
   * device with a thread of its own.
   */
  hold?(): void;
  release?(): void;
  /** Its own state, while no vCPU runs and no request is in flight: every chain that was popped has been pushed. */
  save(): DeviceState;
  /**
   * Takes on a state that `save` of such a device returned. `activate` follows if it was active.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for anything else.
   */
  load(state: DeviceState): void;
}

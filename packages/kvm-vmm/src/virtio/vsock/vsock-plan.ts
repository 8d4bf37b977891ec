import type { MessagePort } from 'node:worker_threads';
import type { SharedEventFd } from '@kvm/core';
import type { SharedRing } from '../../streams/byte-ring.js';

/** What the thread of the devices needs to know of the sockets, whose connections the main thread has. */
export interface VsockPlan {
  readonly kind: 'vsock';
  /** The guest's address. */
  readonly cid: number;
  /** Packets in both directions, as `PacketRing`s. Each has the epoch as its tag. */
  readonly toGuest: SharedRing;
  readonly fromGuest: SharedRing;
  /**
   * One word: the epoch. It changes when all connections are gone, as after a reset of the device. Packets of another
   * epoch are of no connection that there is.
   */
  readonly epoch: Int32Array;
  /** Wakes the thread of the devices: there are packets for the guest, or there is room for those of the guest. */
  readonly wake: SharedEventFd;
  /** Any message wakes the main thread: there are packets or room for it, or another epoch has begun. */
  readonly report: MessagePort;
}

/** Bytes of each ring. */
export const ringSize = 2 ** 20;

/** The most bytes that a connection buffers for its reader; so no packet of the guest has more. */
export const mostBuffered = 2 ** 18;

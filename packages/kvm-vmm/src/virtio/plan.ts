import type { BlockPlan } from './block/block-order.js';
import type { VsockPlan } from './vsock/vsock-plan.js';

/** The virtio devices of a machine, as checked options: plain values for the thread of the devices. */
export type VirtioPlan = RngPlan | BlockPlan | VsockPlan;

export interface RngPlan {
  readonly kind: 'rng';
  readonly bytesPerSecond: number;
}

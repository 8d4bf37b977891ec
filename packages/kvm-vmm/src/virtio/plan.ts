import type { BlockPlan } from './block/block-order.js';
import type { NetPlan } from './net/plan.js';

/** The virtio devices of a machine, as checked options: plain values for the thread of the devices. */
export type VirtioPlan = RngPlan | BlockPlan | NetPlan;

export interface RngPlan {
  readonly kind: 'rng';
  readonly bytesPerSecond: number;
}

import type { BalloonPlan } from './balloon/balloon-plan.js';
import type { BlockPlan } from './block/block-order.js';
import type { ConsolePlan, PortsPlan } from './console/console-plan.js';
import type { FsPlan } from './fs/fs-order.js';
import type { NetPlan } from './net/plan.js';
import type { VsockPlan } from './vsock/vsock-plan.js';

/** The virtio devices of a machine, as checked options: plain values for the thread of the devices. */
export type VirtioPlan = RngPlan | BlockPlan | FsPlan | NetPlan | ConsolePlan | PortsPlan | BalloonPlan | VsockPlan;

export interface RngPlan {
  readonly kind: 'rng';
  readonly bytesPerSecond: number;
}

/** The virtio devices of a machine, as checked options: plain values for the thread of the devices. */
export type VirtioPlan = RngPlan;

export interface RngPlan {
  readonly kind: 'rng';
  readonly bytesPerSecond: number;
}

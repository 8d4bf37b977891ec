import type { SharedEventFd } from '@kvm/core';
import type { SharedRing } from '../../streams/byte-ring.js';

/** A console, for the thread of the devices. */
export interface ConsolePlan {
  readonly kind: 'console';
  readonly stream: StreamPlan;
  /** The size that the program wants: one word, of `packSize`. */
  readonly size: Int32Array;
  /** Wakes the thread of the devices: the program has written or read, or wants another size. */
  readonly bell: SharedEventFd;
}

/** Ports with names, for the thread of the devices. */
export interface PortsPlan {
  readonly kind: 'ports';
  readonly ports: readonly { readonly name: string; readonly stream: StreamPlan }[];
  /** Wakes the thread of the devices: the program has written to a port, or read from one. */
  readonly bell: SharedEventFd;
}

/** A stream between the guest and the program. */
export interface StreamPlan {
  /** Its number among the streams of the machine, for reports. */
  readonly number: number;
  /** What the guest reads. */
  readonly input: SharedRing;
  /** What the guest writes. */
  readonly output: SharedRing;
}

/** The size of a console in one word. 0 is no size. */
export function packSize(columns: number, rows: number): number {
  return (rows << 16) | columns;
}

export function unpackSize(packed: number): { columns: number; rows: number } {
  return { columns: packed & 0xffff, rows: packed >>> 16 };
}

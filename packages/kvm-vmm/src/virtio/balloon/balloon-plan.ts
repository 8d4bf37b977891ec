import type { SharedEventFd } from '@kvm/core';
import { VIRTIO_BALLOON_S_NR } from '../../abi/virtio/constants.js';

/** A balloon, for the thread of the devices. */
export interface BalloonPlan {
  readonly kind: 'balloon';
  readonly deflateOnOom: boolean;
  readonly reporting: boolean;
  /** Those of `Word`. */
  readonly words: Int32Array;
  /** The guest's numbers about its memory, by their tags. */
  readonly stats: BigUint64Array;
  /** Wakes the thread of the devices: the program wants something else. */
  readonly bell: SharedEventFd;
}

/** The words that the main thread shares with the thread of the devices. */
export const Word = {
  /** Pages that the program wants in the balloon. */
  Target: 0,
  /** Pages that are in it, as the driver says. */
  Actual: 1,
  /** Counts the requests for numbers. */
  Wanted: 2,
  /** The request that the numbers are an answer to. */
  Served: 3,
  /** Bit n if there is a number with tag n. */
  Known: 4,
} as const;

export function allocateWords(): Pick<BalloonPlan, 'words' | 'stats'> {
  const words = Object.keys(Word).length;
  return {
    words: new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)),
    stats: new BigUint64Array(new SharedArrayBuffer(VIRTIO_BALLOON_S_NR * BigUint64Array.BYTES_PER_ELEMENT)),
  };
}

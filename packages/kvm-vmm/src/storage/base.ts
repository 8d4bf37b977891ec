import type { StorageOrder } from './disk.js';
import type { OverlayBase } from './overlay-format.js';

/** A disk that is open, without its overlay. */
export interface Base extends OverlayBase {
  readonly order: StorageOrder;
  readonly isReadOnly: boolean;
  readonly blockSize: number;
}

/** Takes a descriptor, to close it with the disk. */
export type Keep = (fd: number) => number;

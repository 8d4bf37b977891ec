import type { BackendName, GuestMemory, KvmErrorJson, SharedEventFd } from '@kvm/core';
import type { StorageOrder } from '../../storage/disk.js';

/** What the thread of the devices needs to know of a disk, whose thread does the rest. */
export interface BlockPlan {
  readonly kind: 'block';
  readonly size: number;
  readonly blockSize: number;
  readonly isReadOnly: boolean;
  readonly queues: number;
  /** Those of `thread-words.ts`. */
  readonly words: Int32Array;
  /** Wakes the thread of the disk: the driver's doorbell, of all queues. */
  readonly doorbell: SharedEventFd;
  /** Wakes the thread of the devices: an interrupt, or a driver that has broken the rules. */
  readonly report: SharedEventFd;
}

/** What the thread of a disk starts with. */
export interface BlockOrder extends Omit<BlockPlan, 'kind' | 'size' | 'blockSize' | 'isReadOnly'> {
  readonly storage: StorageOrder;
  readonly serial: string;
  readonly memory: ReturnType<GuestMemory['share']>;
  readonly backend: BackendName;
}

/** What the thread of a disk sends, once. */
export type BlockReport = { readonly kind: 'failed'; readonly error: KvmErrorJson | { message: string } };

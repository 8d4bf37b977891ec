import type { StorageOrder } from '../../storage/disk.js';
import type { RemoteOrder, RemotePlan } from '../remote/remote-order.js';

/** What the thread of the devices needs to know of a disk, whose thread does the rest. */
export interface BlockPlan extends RemotePlan {
  readonly kind: 'block';
  readonly size: number;
  readonly blockSize: number;
  readonly isReadOnly: boolean;
  readonly queues: number;
}

/** What the thread of a disk starts with. */
export interface BlockOrder extends RemoteOrder {
  readonly storage: StorageOrder;
  readonly serial: string;
  readonly queues: number;
}

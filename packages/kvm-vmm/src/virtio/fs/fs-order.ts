import type { ShareOptions } from '../../machine/document.js';
import type { RemoteOrder, RemotePlan } from '../remote/remote-order.js';

/** What the thread of the devices needs to know of a share, whose thread does the rest. */
export interface FsPlan extends RemotePlan {
  readonly kind: 'fs';
  readonly tag: string;
}

/** What a share is made of: plain values. */
export interface ShareOrder extends Required<Pick<ShareOptions, 'readOnly' | 'cache' | 'ids'>> {
  readonly tag: string;
  /** The descriptor of the folder, which is only good for finding files in it (O_PATH). */
  readonly root: number;
  /** How many descriptors it may have: of files that the guest knows, and of those that it has open. */
  readonly inodes: number;
  readonly handles: number;
}

/** What the thread of a share starts with. */
export interface FsOrder extends RemoteOrder {
  readonly share: ShareOrder;
}

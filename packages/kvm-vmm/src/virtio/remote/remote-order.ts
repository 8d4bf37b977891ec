import type { BackendName, GuestMemory, KvmErrorJson, SharedEventFd } from '@kvm/core';

/** What a device in a thread of its own shares with the thread of the devices, which has its registers. */
export interface RemotePlan {
  /** Those of `thread-words.ts`. */
  readonly words: Int32Array;
  /** Wakes the device's own thread: the driver's doorbell, of all queues. */
  readonly doorbell: SharedEventFd;
  /** Wakes the thread of the devices: an interrupt, or a driver that has broken the rules. */
  readonly report: SharedEventFd;
}

/** What the thread of such a device starts with. */
export interface RemoteOrder extends RemotePlan {
  readonly memory: ReturnType<GuestMemory['share']>;
  readonly backend: BackendName;
}

/** What the thread of such a device sends, once. */
export type RemoteReport = { readonly kind: 'failed'; readonly error: KvmErrorJson | { message: string } };

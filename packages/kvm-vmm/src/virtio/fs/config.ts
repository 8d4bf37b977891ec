import { VIRTIO_ID_FS } from '../../abi/virtio/constants.js';
import { VirtioFsConfig } from '../../abi/virtio/structs.js';
import type { RemoteModel } from '../remote/remote-device.js';
import type { FsPlan } from './fs-order.js';

/** The queue of what must not wait behind other requests, and the one of all others, by their index. */
export const queueSizes: readonly number[] = [128, 1024];

/** The configuration space of a share. Virtio 1.3, 5.11.4. */
export function configOf(tag: string): Uint8Array {
  const config = new VirtioFsConfig();
  new TextEncoder().encodeInto(tag, config.tag);
  config.numRequestQueues = queueSizes.length - 1;
  return config.bytes;
}

/** What a driver sees of a share, whose queues are in a thread of its own. */
export function remoteFs({ tag }: Pick<FsPlan, 'tag'>, name: string): RemoteModel {
  return { name, type: VIRTIO_ID_FS, features: 0n, queueSizes, config: configOf(tag) };
}

import { VIRTIO_ID_BLOCK } from '../../abi/virtio/constants.js';
import type { RemoteModel } from '../remote/remote-device.js';
import type { BlockPlan } from './block-order.js';
import { configOf, featuresOf, queueSize } from './config.js';

/** What a driver sees of a disk, whose queues are in a thread of its own. */
export function remoteBlock(plan: BlockPlan, name: string): RemoteModel {
  return {
    name,
    type: VIRTIO_ID_BLOCK,
    features: featuresOf(plan),
    queueSizes: Array.from({ length: plan.queues }, () => queueSize),
    config: configOf(plan, plan.queues),
  };
}

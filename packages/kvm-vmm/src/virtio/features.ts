import {
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_RING_F_INDIRECT_DESC,
} from '../abi/virtio/constants.js';
import type { VirtioDevice } from './virtio-device.js';

/** What queues and transports can do, whatever the device. */
const ofEveryDevice = [
  VIRTIO_F_VERSION_1,
  VIRTIO_F_RING_PACKED,
  VIRTIO_RING_F_INDIRECT_DESC,
  VIRTIO_RING_F_EVENT_IDX,
].reduce((set, feature) => set | bit(feature), 0n);

/** All features that a driver finds. */
export function offered({ features, inOrder }: VirtioDevice): bigint {
  return features | ofEveryDevice | (inOrder === true ? bit(VIRTIO_F_IN_ORDER) : 0n);
}

/** Whether the device works with the features that a driver has chosen: modern drivers only. */
export function acceptable(chosen: bigint, all: bigint): boolean {
  return (chosen & ~all) === 0n && has(chosen, VIRTIO_F_VERSION_1);
}

/** Whether a set has a feature: `VIRTIO_F_*` or `VIRTIO_*_F_*`. */
export function has(features: bigint, feature: number): boolean {
  return (features & bit(feature)) !== 0n;
}

/** The set with one feature. */
export function bit(feature: number): bigint {
  return 1n << BigInt(feature);
}

import {
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_ECN,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
  VIRTIO_NET_F_HOST_ECN,
  VIRTIO_NET_F_HOST_TSO4,
  VIRTIO_NET_F_HOST_TSO6,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_STATUS,
} from '../../abi/virtio/constants.js';
import { bit } from '../features.js';

/** The queues of a network device, by their index. */
export const NetQueue = { Receive: 0, Transmit: 1, Control: 2 } as const;

/** The most descriptors of each queue. */
export const queueSizes: readonly number[] = [256, 256, 64];

/** Bytes of the configuration space: those of the features that there are, up to the MTU. */
export const configSize = 12;

const ofEveryLink = [
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
];

/** What a link with the header of virtio-net leaves to the other side: checksums, and cutting TCP into segments. */
const offloads = [
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_HOST_TSO4,
  VIRTIO_NET_F_HOST_TSO6,
  VIRTIO_NET_F_HOST_ECN,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
  VIRTIO_NET_F_GUEST_ECN,
];

/** The features of a network device. */
export function featuresOf(hasOffloads: boolean, hasMtu: boolean): bigint {
  const features = [...ofEveryLink, ...(hasOffloads ? offloads : []), ...(hasMtu ? [VIRTIO_NET_F_MTU] : [])];
  return features.reduce((set, feature) => set | bit(feature), 0n);
}

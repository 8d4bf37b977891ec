import { VirtioNetHdrV1 } from '../../abi/virtio/structs.js';

/** Bytes of the header that each frame has between driver and device: `struct virtio_net_hdr_v1`. */
export const headerSize: number = VirtioNetHdrV1.size;

/** Bytes of an Ethernet header, `ETH_HLEN`: no frame is shorter. */
export const shortestFrame = 14;

/** Virtio 1.3, 5.1.6.3.1: the largest packet of TCP or UDP, and an Ethernet header. Some links take less. */
export const longestFrame = 65_550;

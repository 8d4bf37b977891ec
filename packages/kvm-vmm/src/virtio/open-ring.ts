import { VIRTIO_F_RING_PACKED, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC } from '../abi/virtio/constants.js';
import type { Dma } from './dma.js';
import { has } from './features.js';
import { PackedQueue } from './packed-queue.js';
import type { Ring, RingOptions } from './queue.js';
import { Area, type QueueSetup } from './queue-setup.js';
import { SplitQueue } from './split-queue.js';

/** Virtio 1.3, 2.7 and 2.8: no ring has more descriptors. */
const largestRing = 2 ** 15;

/** The queue that a driver has set up, of the kind that its features say; undefined if there can be no such queue. */
export function openRing(
  dma: Dma,
  setup: QueueSetup,
  features: bigint,
  calls: Pick<RingOptions, 'interrupt' | 'needsReset' | 'spent'>,
): Ring | undefined {
  const { size, sizeMax } = setup;
  const isPacked = has(features, VIRTIO_F_RING_PACKED);
  if (size === 0 || size > Math.min(sizeMax, largestRing)) return undefined;
  if (!isPacked && (size & (size - 1)) !== 0) return undefined;
  return (isPacked ? PackedQueue : SplitQueue).at(dma, {
    size,
    descriptorArea: setup.address(Area.Descriptor),
    driverArea: setup.address(Area.Driver),
    deviceArea: setup.address(Area.Device),
    // A driver that takes a smaller ring may still use tables of the largest size.
    longestChain: sizeMax,
    hasIndirect: has(features, VIRTIO_RING_F_INDIRECT_DESC),
    hasEventIdx: has(features, VIRTIO_RING_F_EVENT_IDX),
    ...calls,
  });
}

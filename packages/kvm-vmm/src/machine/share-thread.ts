import { queueSizes } from '../virtio/fs/config.js';
import type { FsPlan } from '../virtio/fs/fs-order.js';
import type { OpenShare } from '../virtio/fs/open-share.js';
import { type MachineParts, QueueThreadHandle } from './queue-thread-handle.js';

/** Starts the thread of a share, which belongs to it from then on. */
export function startShare(share: OpenShare, parts: MachineParts): QueueThreadHandle<FsPlan> {
  return new QueueThreadHandle<FsPlan>(
    {
      url: new URL('../../dist/virtio/fs/fs-thread.js', import.meta.url),
      order: { share: share.order },
      queues: queueSizes.length,
      close: () => share.close(),
    },
    { kind: 'fs', tag: share.order.tag },
    parts,
  );
}

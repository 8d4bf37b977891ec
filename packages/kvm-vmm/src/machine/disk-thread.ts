import type { OpenDisk } from '../storage/open-disk.js';
import type { BlockPlan } from '../virtio/block/block-order.js';
import { type MachineParts, QueueThreadHandle } from './queue-thread-handle.js';

/** More do not make one thread faster. */
const mostQueues = 4;

/** Starts the thread of a disk, which belongs to it from then on. */
export function startDisk(disk: OpenDisk, parts: MachineParts): QueueThreadHandle<BlockPlan> {
  const queues = Math.min(parts.cpus, mostQueues);
  const { size, isReadOnly, blockSize, order: storage, serial } = disk;
  return new QueueThreadHandle<BlockPlan>(
    {
      url: new URL('../../dist/virtio/block/block-thread.js', import.meta.url),
      order: { storage, serial, queues },
      queues,
      close: () => disk.close(),
    },
    { kind: 'block', size, blockSize, isReadOnly, queues },
    parts,
  );
}

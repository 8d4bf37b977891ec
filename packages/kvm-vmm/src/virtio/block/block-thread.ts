import { workerData } from 'node:worker_threads';
import { selectBackend } from '@kvm/core/backend';
import { storageOf } from '../../storage/disk.js';
import { serveQueues } from '../remote/queue-thread.js';
import { Block } from './block.js';
import type { BlockOrder } from './block-order.js';

/** The thread of a disk. */

const order = workerData as BlockOrder;

serveQueues(order, ({ memory, isInterrupted }) => {
  const storage = storageOf(order.storage, selectBackend(order.backend));
  const { serial, queues } = order;
  const device = new Block({ name: 'disk', storage, memory, serial, queues, isInterrupted });
  return { device, close: () => storage.close() };
});

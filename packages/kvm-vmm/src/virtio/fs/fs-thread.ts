import { workerData } from 'node:worker_threads';
import { selectBackend } from '@kvm/core/backend';
import { serveQueues } from '../remote/queue-thread.js';
import { Fs } from './fs.js';
import type { FsOrder } from './fs-order.js';
import { Host } from './host.js';

/** The thread of a share. */

const order = workerData as FsOrder;

serveQueues(order, ({ memory, isInterrupted }) => {
  const host = new Host(selectBackend(order.backend));
  // The guest has applied its own mask. Where this is forbidden, that of this process takes bits away, too.
  host.dropMask();
  const device = new Fs({ name: 'fs', share: order.share, memory, host, isInterrupted });
  return { device, close: () => device.close() };
});

/**
 * The BAR of a virtio device on PCI: a page or more for each of its structures. MSI-X has its table and its pending
 * bits there, too.
 */
export const layout = {
  bar: 0,
  size: 0x8000,
  common: { offset: 0, length: 0x1000 },
  isr: { offset: 0x1000, length: 0x1000 },
  device: { offset: 0x2000, length: 0x1000 },
  notify: { offset: 0x3000, length: 0x1000 },
  table: { offset: 0x4000, length: 0x2000 },
  pending: { offset: 0x6000, length: 0x1000 },
} as const;

/** Bytes between the doorbells of two queues. */
export const doorbellStride = 4;

/** The vectors of a device: one for its configuration, and one for each queue. The table has room for 512. */
export const mostQueues = 511;

/** Where the doorbell of a queue is, from the start of the BAR. */
export function doorbellOffset(queue: number): number {
  return layout.notify.offset + queue * doorbellStride;
}

import type { Backend } from '@kvm/core/backend';
import { Changes } from './changes.js';
import { type FileOrder, FileStorage } from './file-storage.js';
import { type HttpOrder, HttpStorage } from './http-storage.js';
import { Overlay } from './overlay.js';
import type { Storage } from './storage.js';

/** What a storage is made of: plain values, which the thread that opened the files passes to the one that uses them. */
export type StorageOrder = FileOrder | HttpOrder | OverlayOrder;

export interface OverlayOrder {
  readonly kind: 'overlay';
  readonly base: StorageOrder;
  /** The places of the clusters. */
  readonly top: FileOrder;
  readonly clusterSize: number;
  readonly bitmap: Uint8Array;
  /** Where the bitmap is kept; undefined if the overlay goes with the machine. */
  readonly bitmapStart: number | undefined;
}

/** Makes a storage, in the thread that is to use it. */
export function storageOf(order: StorageOrder, backend: Backend): Storage {
  if (order.kind === 'file') return new FileStorage(order, backend);
  if (order.kind === 'http') return new HttpStorage(order, backend);
  const { base, top, clusterSize, bitmap, bitmapStart } = order;
  const file = bitmapStart === undefined ? undefined : { fd: top.fd, start: bitmapStart };
  return new Overlay(storageOf(base, backend), new FileStorage(top, backend), new Changes(bitmap, file), clusterSize);
}

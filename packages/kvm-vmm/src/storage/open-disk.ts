import { closeSync } from 'node:fs';
import type { Backend } from '@kvm/core/backend';
import type { DiskOptions } from '../machine/document.js';
import type { StorageOrder } from './disk.js';
import { type HttpResource, probe } from './http-resource.js';
import { openFile } from './open-file.js';
import { openHttp } from './open-http.js';
import { openOverlay } from './open-overlay.js';

/** An open disk. Its descriptors belong to this object. */
export interface OpenDisk {
  readonly order: StorageOrder;
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly blockSize: number;
  readonly serial: string;
  /** Closes the descriptors. A second call does nothing. */
  close(): void;
}

/**
 * Opens a disk and locks it: for one machine that writes, or for several that read.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what is no disk, or may not be used; the hint says what to do.
 */
export async function openDisk(options: Required<DiskOptions>, backend: Backend): Promise<OpenDisk> {
  const resource = /^https?:/.test(options.path) ? await probe(options.path) : undefined;
  return openFound(options, resource, backend);
}

function openFound(
  { path, readOnly, overlay, serial }: Required<DiskOptions>,
  resource: HttpResource | undefined,
  backend: Backend,
): OpenDisk {
  const opened: number[] = [];
  const close = (): void => {
    for (const fd of opened.splice(0)) closeSync(fd);
  };
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const hasOverlay = overlay !== false;
    const base =
      resource === undefined
        ? openFile(path, readOnly || hasOverlay, keep, backend)
        : openHttp(resource, keep, backend);
    const { size, isReadOnly, blockSize } = base;
    if (!hasOverlay) return { order: base.order, size, isReadOnly, blockSize, serial, close };
    const order = openOverlay(base, overlay === true ? undefined : overlay, keep, backend);
    return { order, size, isReadOnly: false, blockSize: order.clusterSize, serial, close };
  } catch (error) {
    close();
    throw error;
  }
}

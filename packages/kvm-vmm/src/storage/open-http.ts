import type { Backend } from '@kvm/core/backend';
import type { Base, Keep } from './base.js';
import type { FileOrder } from './file-storage.js';
import type { HttpResource } from './http-resource.js';
import { cachedChunks, chunkSize } from './http-storage.js';
import { memoryFile } from './memory-file.js';
import { refuse } from './refuse.js';
import { sectorSize } from './storage.js';

const blockSize = 4096;

/** A disk on a server, with a cache in memory. */
export function openHttp(resource: HttpResource, keep: Keep, backend: Backend): Base {
  const { url, size, identity } = resource;
  if (size === 0 || size % sectorSize !== 0) {
    throw refuse(
      `the disk ${url} has ${size} bytes, which are not whole sectors of ${sectorSize}`,
      'a disk is a raw image, not compressed',
    );
  }
  const cacheSize = cachedChunks * chunkSize;
  const fd = keep(memoryFile(cacheSize, backend));
  const cache: FileOrder = {
    kind: 'file',
    fd,
    start: 0,
    size: cacheSize,
    isReadOnly: false,
    blockSize,
    isVolatile: true,
  };
  return { order: { kind: 'http', resource, cache }, size, identity, isReadOnly: true, blockSize };
}

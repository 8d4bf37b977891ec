import { KvmError } from '@kvm/core';
import type { NameOf } from '../../machine/check-schema.js';
import type { VsockModel } from '../../machine/document.js';
import { vsock } from './schema.js';

/** Checked options of the sockets. */
export interface VsockSettings {
  readonly cid: number;
  readonly path: string | undefined;
}

const defaultCid = vsock.anyOf[1].properties.cid.default;
/** The size of `sun_path` of Linux's `struct sockaddr_un`, without the zero at its end. */
const longestPath = 107;
/** What follows the path for a port of the host. */
const longestSuffix = '_4294967295'.length;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what the schema does not know of sockets. */
export function vsockOf(model: VsockModel | boolean, name: NameOf): VsockSettings | undefined {
  if (model === false) return undefined;
  const { cid = defaultCid, path }: VsockModel = model === true ? {} : model;
  if (path !== undefined && Buffer.byteLength(path) > longestPath - longestSuffix) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `${name('vsock.path')} must have at most ${longestPath - longestSuffix} bytes, so that Unix sockets can have it`,
    );
  }
  return { cid, path };
}

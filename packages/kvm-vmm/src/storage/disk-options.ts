import { KvmError } from '@kvm/core';
import { boolean, optionsOf } from '@kvm/core/struct';
import { VIRTIO_BLK_ID_BYTES } from '../abi/virtio/constants.js';

/** A disk of a machine. */
export interface DiskOptions {
  /** A raw image, or a block device. */
  path: string;
  /** Whether the guest may only read it; false. */
  readOnly?: boolean;
  /**
   * Leaves the disk as it is, and keeps what the guest writes elsewhere: with true in memory, until the machine ends;
   * with a path in that file, which is made if it is not there. Default: false.
   */
  overlay?: boolean | string;
  /** The serial number that the guest sees, at most 20 bytes: Linux has it in /dev/disk/by-id. Default: none. */
  serial?: string;
}

const known = ['path', 'readOnly', 'overlay', 'serial'] as const;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for options that cannot be. */
export function disksOf(disks: readonly DiskOptions[]): Required<DiskOptions>[] {
  if (!Array.isArray(disks)) throw invalid('disks must be an array of { path, readOnly, overlay, serial }');
  return disks.map(diskOf);
}

function diskOf(disk: DiskOptions): Required<DiskOptions> {
  const { path, readOnly = false, overlay = false, serial = '' } = optionsOf(disk, 'a disk of a Machine', known);
  if (typeof path !== 'string' || path === '') throw invalid('the path of a disk must be a string');
  if (typeof overlay !== 'boolean' && (typeof overlay !== 'string' || overlay === '')) {
    throw invalid(`the overlay of the disk ${path} must be true, false or the path of a file`);
  }
  if (typeof serial !== 'string') throw invalid(`the serial number of the disk ${path} must be a string`);
  if (Buffer.byteLength(serial) > VIRTIO_BLK_ID_BYTES) {
    const message = `the serial number of the disk ${path} has more than ${VIRTIO_BLK_ID_BYTES} bytes: ${serial}`;
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', message);
  }
  if (boolean(readOnly, 'readOnly of a disk') && overlay !== false) {
    throw invalid(`the disk ${path} cannot be read-only and have an overlay, which is for writing`);
  }
  return { path, readOnly, overlay, serial };
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}

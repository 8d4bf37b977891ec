import { KvmError } from '@kvm/core';
import { VIRTIO_BLK_ID_BYTES } from '../abi/virtio/constants.js';
import type { NameOf } from '../machine/check-schema.js';
import type { DiskOptions } from '../machine/document.js';

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what the schema does not know of disks. */
export function disksOf(disks: readonly DiskOptions[], name: NameOf): Required<DiskOptions>[] {
  return disks.map(({ path, readOnly = false, overlay = false, serial = '' }, index) => {
    const refuse = (member: string, why: string): KvmError =>
      new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name(`disks[${index}].${member}`)} ${why}`);
    if (Buffer.byteLength(serial) > VIRTIO_BLK_ID_BYTES) {
      throw refuse('serial', `must have at most ${VIRTIO_BLK_ID_BYTES} bytes`);
    }
    if (readOnly && overlay !== false) throw refuse('overlay', 'is for a disk that the guest may write to');
    return { path, readOnly, overlay, serial };
  });
}

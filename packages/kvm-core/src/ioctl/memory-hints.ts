import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';

const { EEXIST, EINVAL, ENOENT, ENOSPC, ENXIO } = constants.errno;

const overlap = 'the region overlaps one that another slot holds: move it, or delete that slot first';
const busFull = 'the VM has the maximum number of devices';
const noLog = {
  [ENOENT]: 'the slot must have MemoryFlag.LogDirtyPages',
  [ENXIO]: 'the VM has dirty rings instead of logs',
};

/** The meaning of refusals by the calls about memory, and about writes that cause no exit. */
export const memoryHints: IoctlHints = {
  KVM_SET_USER_MEMORY_REGION: {
    [EEXIST]: overlap,
    [EINVAL]:
      'a flag is unknown here, there is nothing in the slot to delete, or the memory, the size or the read-only flag ' +
      'of a slot in use would change: delete the slot first',
  },
  KVM_SET_USER_MEMORY_REGION2: {
    [EEXIST]: overlap,
    [EINVAL]:
      'a flag is unknown here, the file is of another VM, or a slot with a guestMemfd would change: ' +
      'delete the slot first',
  },
  KVM_CREATE_GUEST_MEMFD: { [EINVAL]: 'a flag is not among Cap.GuestMemfdFlags for a VM of this type' },
  KVM_SET_MEMORY_ATTRIBUTES: {
    [EINVAL]: 'an attribute is not among Cap.MemoryAttributes, or the size is 0',
  },
  KVM_PRE_FAULT_MEMORY: { [ENOENT]: 'no slot has memory at this address' },
  KVM_GET_DIRTY_LOG: noLog,
  KVM_CLEAR_DIRTY_LOG: noLog,
  KVM_RESET_DIRTY_RINGS: { [EINVAL]: 'enableDirtyRing comes first' },
  KVM_IOEVENTFD: {
    [EEXIST]: 'a write of this length and value already signals an eventfd at this address',
    [ENOENT]: 'there is none like it: eventfd, addr, len, datamatch and flags must be the same as when it was assigned',
    [EINVAL]: 'a flag is unknown here, or a write of any length has a datamatch',
    [ENOSPC]: busFull,
  },
  KVM_REGISTER_COALESCED_MMIO: { [ENOSPC]: busFull },
  'asking for huge pages': { [EINVAL]: 'this host has no transparent huge pages' },
};

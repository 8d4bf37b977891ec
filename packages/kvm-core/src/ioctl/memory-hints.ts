import { constants } from 'node:os';
import type { IoctlHints } from '../arch/architecture.js';

const { EEXIST, EINVAL, ENOENT, ENOSPC, ENXIO } = constants.errno;

const overlap = 'the region overlaps one that another slot holds: move it, or delete that slot first';
const busFull = 'the VM has as many devices as it may';
const noLog = {
  [ENOENT]: 'the slot must have MemoryFlag.LogDirtyPages',
  [ENXIO]: 'the VM has dirty rings in the place of logs',
};

/** What a refusal means of the calls about memory, and about writes that do not leave the guest. */
export const memoryHints: IoctlHints = {
  KVM_SET_USER_MEMORY_REGION: {
    [EEXIST]: overlap,
    [EINVAL]:
      'a flag is unknown here, or the memory of a slot in use was to change, its size, or whether it is read-only, which only deleting it first does, or there is nothing in the slot to delete',
  },
  KVM_SET_USER_MEMORY_REGION2: {
    [EEXIST]: overlap,
    [EINVAL]:
      'a flag is unknown here, a slot with a guestMemfd was to change, which only deleting it does, or the file is of another VM',
  },
  KVM_CREATE_GUEST_MEMFD: { [EINVAL]: 'Cap.GuestMemfdFlags says which flags there are for a VM of this type' },
  KVM_SET_MEMORY_ATTRIBUTES: {
    [EINVAL]: 'Cap.MemoryAttributes says which attributes there are; the size must not be 0',
  },
  KVM_PRE_FAULT_MEMORY: { [ENOENT]: 'no slot has memory at this address' },
  KVM_GET_DIRTY_LOG: noLog,
  KVM_CLEAR_DIRTY_LOG: noLog,
  KVM_RESET_DIRTY_RINGS: { [EINVAL]: 'enableDirtyRing comes first' },
  KVM_IOEVENTFD: {
    [EEXIST]: 'the same length, and the same value or any, signals an eventfd at this address already',
    [ENOENT]: 'there is none like it: to part them, eventfd, addr, len, datamatch and flags must be what they were',
    [EINVAL]: 'a flag is unknown here, or a write of any length was to match a value',
    [ENOSPC]: busFull,
  },
  KVM_REGISTER_COALESCED_MMIO: { [ENOSPC]: busFull },
  'asking for huge pages': { [EINVAL]: 'this host has no transparent huge pages' },
};

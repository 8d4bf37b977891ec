import { KvmError } from '../errors/kvm-error.js';
import { closeOnExec } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { GuestMemfd } from '../memory/guest-memfd.js';
import { memorySize, wholePages } from '../memory/sizes.js';
import { integer, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import type { RegionFields, UserMemoryRegion } from './memory.js';

/** The argument of `vm.setUserMemoryRegion2`. */
export interface UserMemoryRegion2 extends UserMemoryRegion {
  /** The file with the guest's private pages. `memory` has the pages that it shares with this process. */
  guestMemfd?: GuestMemfd;
  /** The offset in the file, in bytes, a multiple of the page size. Default: 0. */
  guestMemfdOffset?: number;
}

/** The guest's private memory, in a guest_memfd. */
export abstract class VmGuestMemfd extends KvmFd<'vm'> {
  /** Checks a region, calls `send`, and keeps the memory alive as long as the slot has it. */
  protected abstract setRegion(
    region: UserMemoryRegion,
    send: (fields: RegionFields) => void,
    guestMemfd?: GuestMemfd,
  ): void;

  /**
   * Creates a file of memory for this VM alone. KVM_CREATE_GUEST_MEMFD, api.rst 4.142. x86 and arm64, Cap.GuestMemfd.
   *
   * @param size the size in bytes, a multiple of the page size.
   * @param flags flags of `GuestMemfdFlag` that Cap.GuestMemfdFlags offers. Without any, only the guest can access the
   *   pages.
   */
  createGuestMemfd(size: number, flags = 0n): GuestMemfd {
    memorySize(size, 'the size of a guest_memfd');
    u64(flags, 'flags');
    const fd = this.write(this.abi.KVM_CREATE_GUEST_MEMFD, { size: BigInt(size), flags });
    const descriptor = KvmFd.descriptorOf(this);
    closeOnExec(descriptor, fd);
    return new GuestMemfd(descriptor.arch, this.backend, fd, size, flags);
  }

  /**
   * Sets a slot like `setUserMemoryRegion`, optionally with pages of a `GuestMemfd`, which sets
   * `MemoryFlag.GuestMemfd`. The slot keeps the file alive; it cannot be changed, only deleted.
   * KVM_SET_USER_MEMORY_REGION2, api.rst 4.140. Cap.UserMemory2, and for a file Cap.GuestMemfd.
   *
   * @throws KvmError as `setUserMemoryRegion`, and `ERR_KVM_OUT_OF_RANGE` for a range that is outside the file.
   */
  setUserMemoryRegion2(region: UserMemoryRegion2): void {
    const {
      slot,
      guestPhysAddr,
      memory,
      offset,
      size: regionSize,
      flags: regionFlags = 0,
      guestMemfd,
      guestMemfdOffset = 0,
    } = optionsOf(region, 'a memory region', [
      'slot',
      'guestPhysAddr',
      'memory',
      'offset',
      'size',
      'flags',
      'guestMemfd',
      'guestMemfdOffset',
    ]);
    const rest = { slot, guestPhysAddr, memory, offset, size: regionSize, flags: regionFlags } as UserMemoryRegion;
    const { KVM_SET_USER_MEMORY_REGION2, MemoryFlag } = this.abi;
    if (guestMemfd === undefined) {
      this.setRegion(rest, (fields) => this.write(KVM_SET_USER_MEMORY_REGION2, fields));
      return;
    }
    const { fd, size } = fileOf(guestMemfd, rest);
    wholePages(integer(guestMemfdOffset, 0, size, 'guestMemfdOffset'), 'guestMemfdOffset');
    const file = { guestMemfd: fd, guestMemfdOffset: BigInt(guestMemfdOffset) };
    const send: Parameters<typeof this.setRegion>[1] = (fields) => {
      integer(Number(fields.memorySize), 0, size - guestMemfdOffset, 'the size of a region of a guest_memfd');
      this.write(KVM_SET_USER_MEMORY_REGION2, { ...fields, ...file });
    };
    const flags = u32(regionFlags, 'flags') | MemoryFlag.GuestMemfd;
    this.setRegion({ ...rest, flags }, send, guestMemfd);
  }
}

function fileOf(guestMemfd: unknown, { memory }: UserMemoryRegion): { fd: number; size: number } {
  if (!(guestMemfd instanceof GuestMemfd)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'guestMemfd must be a GuestMemfd');
  }
  if (memory === undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a slot with a guestMemfd needs memory as well', {
      hint: 'memory has the pages that the guest shares; for a mappable file, pass guestMemfd.map()',
    });
  }
  return guestMemfd;
}

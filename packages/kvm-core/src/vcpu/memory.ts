import { KvmError } from '../errors/kvm-error.js';
import { keepOwner } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { pageSize } from '../memory/page-size.js';
import { wholePages64 } from '../memory/sizes.js';
import { CoalescedRing } from './coalesced-ring.js';
import { DirtyRing } from './dirty-ring.js';
import type { VcpuResources } from './resources.js';

/** A vCPU's accesses to its VM's memory. */
export abstract class VcpuMemory extends KvmFd<'vcpu'> {
  /** The descriptor, mappings and timers of the vCPU. */
  protected abstract readonly resources: VcpuResources;

  /**
   * The guest's writes to the zones of `vm.registerCoalescedMmio`, which caused no exit.
   *
   * @throws KvmError `ERR_KVM_UNSUPPORTED` without Cap.CoalescedMmio.
   */
  get coalescedRing(): CoalescedRing {
    const backend = this.opened();
    return this.kept('coalescedRing', () => {
      const { CoalescedMmio } = this.abi.Cap;
      this.requireCapability(CoalescedMmio, 'a ring of coalesced writes');
      // The value of the capability is the page number of the ring in the run state.
      const offset = this.hostCapability(CoalescedMmio) * pageSize;
      const { address, length } = this.resources.state;
      if (offset + pageSize > length) {
        throw new KvmError('ERR_KVM_UNSUPPORTED', 'this host maps no ring of coalesced writes');
      }
      const page = backend.view(address + offset, pageSize);
      keepOwner(page, this);
      return new CoalescedRing(this.abi, page);
    });
  }

  /**
   * The pages that this vCPU has written.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` unless `vm.enableDirtyRing` was called before the vCPU was created.
   */
  get dirtyRing(): DirtyRing {
    const backend = this.opened();
    const { dirtyRing } = this.resources;
    if (dirtyRing === undefined) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this vCPU has no dirty ring', {
        hint: 'call vm.enableDirtyRing before you create the first vCPU',
      });
    }
    return this.kept('dirtyRing', () => {
      const ring = backend.view(dirtyRing.address, dirtyRing.length);
      keepOwner(ring, this);
      return new DirtyRing(this.abi, ring);
    });
  }

  /**
   * Maps guest memory in advance, so that the guest's first accesses cause no page faults. It repeats the call until
   * the whole range is mapped. KVM_PRE_FAULT_MEMORY, api.rst 4.143. x86, Cap.PreFaultMemory.
   *
   * @param guestPhysAddr the start of the range, a multiple of the page size.
   * @param size the size in bytes, a multiple of the page size.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENOENT for an address without a slot; the memory before it is mapped.
   */
  preFaultMemory(guestPhysAddr: bigint, size: bigint): void {
    const { KVM_PRE_FAULT_MEMORY, KvmPreFaultMemory } = this.abi;
    const gpa = wholePages64(guestPhysAddr, 'guestPhysAddr');
    const range = KvmPreFaultMemory.from({ gpa, size: wholePages64(size, 'size') });
    // The kernel advances the range past the part that it has mapped.
    do this.write(KVM_PRE_FAULT_MEMORY, range);
    while (range.size > 0n);
  }
}

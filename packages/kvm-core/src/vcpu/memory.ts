import { KvmError } from '../errors/kvm-error.js';
import { keepOwner } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { pageSize } from '../memory/page-size.js';
import { wholePages64 } from '../memory/sizes.js';
import { CoalescedRing } from './coalesced-ring.js';
import { DirtyRing } from './dirty-ring.js';
import type { VcpuResources } from './resources.js';

/** What a vCPU does to its VM's memory. */
export abstract class VcpuMemory extends KvmFd<'vcpu'> {
  /** What the vCPU is made of. */
  protected abstract readonly resources: VcpuResources;

  /**
   * The guest's writes to the zones of `vm.registerCoalescedMmio`, which did not make it leave.
   *
   * @throws KvmError `ERR_KVM_UNSUPPORTED` without Cap.CoalescedMmio.
   */
  get coalescedRing(): CoalescedRing {
    const backend = this.opened();
    return this.kept('coalescedRing', () => {
      const { CoalescedMmio } = this.abi.Cap;
      this.requireCapability(CoalescedMmio, 'a ring of coalesced writes');
      // What the host answers is the number of the ring's page in the run state.
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
   * The pages that this vCPU has written to.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` unless `vm.enableDirtyRing` was called before the vCPU was made.
   */
  get dirtyRing(): DirtyRing {
    const backend = this.opened();
    const { dirtyRing } = this.resources;
    if (dirtyRing === undefined) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this vCPU has no dirty ring', {
        hint: 'call vm.enableDirtyRing before the first vCPU is made',
      });
    }
    return this.kept('dirtyRing', () => {
      const ring = backend.view(dirtyRing.address, dirtyRing.length);
      keepOwner(ring, this);
      return new DirtyRing(this.abi, ring);
    });
  }

  /**
   * Maps guest memory as the guest's first touches would, so that these need not: all of a range, however many calls it takes.
   * KVM_PRE_FAULT_MEMORY, api.rst 4.143. x86, Cap.PreFaultMemory.
   *
   * @param guestPhysAddr whole pages.
   * @param size bytes, whole pages.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENOENT for what no slot has; what came before it is mapped.
   */
  preFaultMemory(guestPhysAddr: bigint, size: bigint): void {
    const { KVM_PRE_FAULT_MEMORY, KvmPreFaultMemory } = this.abi;
    const gpa = wholePages64(guestPhysAddr, 'guestPhysAddr');
    const range = KvmPreFaultMemory.from({ gpa, size: wholePages64(size, 'size') });
    // The kernel moves the range's start past what it has done.
    do this.write(KVM_PRE_FAULT_MEMORY, range);
    while (range.size > 0n);
  }
}

import type { KvmMemoryAttributes } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { wholePages64 } from '../../../memory/sizes.js';
import { integer, u64 } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The calls for the memory of an x86 VM. */
export abstract class X86VmMemory extends GenericVm<Vcpu> {
  /**
   * Limits the number of pages that the kernel uses for the guest's shadow page tables. With fewer pages the guest is
   * slower. KVM_SET_NR_MMU_PAGES, api.rst 4.44. x86, Cap.MmuShadowCacheControl.
   *
   * @param pages at least 64 (KVM_MIN_ALLOC_MMU_PAGES).
   */
  setNrMmuPages(pages: number): void {
    this.call(abi.KVM_SET_NR_MMU_PAGES, integer(pages, 0, 0xffff_ffff, 'the number of MMU pages'));
  }

  /**
   * The limit of `setNrMmuPages`. Newer kernels do not report it: `ERR_KVM_UNSUPPORTED`.
   * KVM_GET_NR_MMU_PAGES, api.rst 4.45. x86, Cap.MmuShadowCacheControl.
   */
  getNrMmuPages(): number {
    return this.call(abi.KVM_GET_NR_MMU_PAGES);
  }

  /**
   * Sets the attributes of guest memory: private to the guest or shared with the host. KVM_SET_MEMORY_ATTRIBUTES,
   * api.rst 4.141. x86, Cap.MemoryAttributes, whose value has the supported attributes.
   *
   * @param range.attributes of `MemoryAttribute`. They replace all earlier ones.
   */
  setMemoryAttributes(range: Pick<KvmMemoryAttributes, 'address' | 'size' | 'attributes'>): void {
    const { address, size, attributes } = optionsOf(range, 'a range of guest memory', [
      'address',
      'size',
      'attributes',
    ]);
    wholePages64(address, 'address');
    wholePages64(size, 'size');
    this.write(abi.KVM_SET_MEMORY_ATTRIBUTES, { address, size, attributes: u64(attributes, 'attributes') });
  }
}

import * as abi from '../../../abi/x86/index.js';
import { GenericVm } from '../../../vm/vm.js';
import { type MsrFilter, msrFilter } from '../msr-filter.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The call that filters the guest's accesses to model-specific registers. */
export abstract class X86VmMsrs extends GenericVm<Vcpu> {
  /**
   * Sets the MSRs that the guest's RDMSR and WRMSR may use. A denied access raises #GP in the guest. With
   * Cap.X86UserSpaceMsr enabled for `MsrExitReason.Filter`, it is an exit instead: `ExitReason.X86Rdmsr` or `X86Wrmsr`.
   * Each call replaces the earlier filter; without an argument there is none. The MSRs of the x2APIC, 0x800 to 0x8ff,
   * are never filtered. KVM_X86_SET_MSR_FILTER, api.rst 4.97. x86, Cap.X86MsrFilter.
   */
  setMsrFilter(filter: MsrFilter = {}): void {
    const { argument, bitmaps } = msrFilter(filter, this.opened());
    this.call(abi.KVM_X86_SET_MSR_FILTER, this.addressOf(argument, bitmaps));
  }
}

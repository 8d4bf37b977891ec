import * as abi from '../../../abi/x86/index.js';
import { GenericVm } from '../../../vm/vm.js';
import { type MsrFilter, msrFilter } from '../msr-filter.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** Which model-specific registers leave the guest. */
export abstract class X86VmMsrs extends GenericVm<Vcpu> {
  /**
   * Which MSRs the guest's RDMSR and WRMSR may use. What is denied raises #GP in the guest; or, where Cap.X86UserSpaceMsr is enabled with
   * `MsrExitReason.Filter`, leaves it with `ExitReason.X86Rdmsr` or `X86Wrmsr`. Each call replaces the filter before; without an argument
   * there is none. The x2APIC's MSRs, 0x800 to 0x8ff, are never filtered. KVM_X86_SET_MSR_FILTER, api.rst 4.97. x86, Cap.X86MsrFilter.
   */
  setMsrFilter(filter: MsrFilter = {}): void {
    const { argument, bitmaps } = msrFilter(filter, this.opened());
    this.call(abi.KVM_X86_SET_MSR_FILTER, this.addressOf(argument, bitmaps));
  }
}

import type { KvmClockData } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u32 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The calls for the clocks that the vCPUs of a VM share. */
export abstract class X86VmClock extends GenericVm<Vcpu> {
  /**
   * The guest's kvmclock, in nanoseconds, with flags about its accuracy. KVM_GET_CLOCK, api.rst 4.29. x86,
   * Cap.AdjustClock.
   */
  getClock(into?: KvmClockData): KvmClockData {
    return this.read(abi.KVM_GET_CLOCK, into);
  }

  /** Sets the guest's kvmclock. KVM_SET_CLOCK, api.rst 4.30. x86, Cap.AdjustClock. */
  setClock(clock: StructInit<KvmClockData>): void {
    this.write(abi.KVM_SET_CLOCK, clock);
  }

  /** The time-stamp counter frequency of new vCPUs, in kHz. KVM_GET_TSC_KHZ, api.rst 4.56. x86, Cap.VmTscControl. */
  getTscKhz(): number {
    return this.call(abi.KVM_GET_TSC_KHZ);
  }

  /**
   * Sets the time-stamp counter frequency of new vCPUs, in kHz, before the first vCPU; 0 selects the host's frequency.
   * A higher frequency than the host's works without the capability too: KVM then makes the counter catch up.
   * KVM_SET_TSC_KHZ, api.rst 4.55. x86, Cap.VmTscControl.
   */
  setTscKhz(khz: number): void {
    this.call(abi.KVM_SET_TSC_KHZ, u32(khz, 'the frequency of the TSC'));
  }
}

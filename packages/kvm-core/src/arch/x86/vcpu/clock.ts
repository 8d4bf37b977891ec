import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u32 } from '../../../struct/check.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for the clocks of a vCPU. */
export abstract class X86VcpuClock extends GenericVcpu<Exit, KvmRun> {
  /** The frequency of the guest's time-stamp counter, in kHz. KVM_GET_TSC_KHZ, api.rst 4.56. x86, Cap.GetTscKhz. */
  getTscKhz(): number {
    return this.call(abi.KVM_GET_TSC_KHZ);
  }

  /**
   * Sets the frequency of the guest's time-stamp counter, in kHz; 0 selects the host's frequency. A higher frequency
   * than the host's works without the capability too: KVM then makes the counter catch up. KVM_SET_TSC_KHZ, api.rst
   * 4.55. x86, Cap.TscControl.
   */
  setTscKhz(khz: number): void {
    this.call(abi.KVM_SET_TSC_KHZ, u32(khz, 'the frequency of the TSC'));
  }

  /**
   * Tells the guest that it was paused, so that its watchdog does not report a lockup. Call this after the pause,
   * before the next run. KVM_KVMCLOCK_CTRL, api.rst 4.70. x86, Cap.KvmClockCtrl, and a guest that has set up kvmclock.
   */
  kvmclockCtrl(): void {
    this.call(abi.KVM_KVMCLOCK_CTRL);
  }
}

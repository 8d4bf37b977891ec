import type { KvmRun, KvmX86Mce } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u64 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** Machine checks: how hardware tells a guest that it is broken. */
export abstract class X86VcpuMachineCheck extends GenericVcpu<Exit, KvmRun> {
  /**
   * Gives the vCPU machine-check banks.
   *
   * @param mcgCap what its MSR MCG_CAP reads: the number of banks in bits 0 to 7, and features, of those that
   *   `kvm.getMceCapSupported` gives.
   *
   * KVM_X86_SETUP_MCE, api.rst 4.105. x86, Cap.Mce, whose value is the most banks.
   */
  setupMce(mcgCap: bigint): void {
    this.ioctl(abi.KVM_X86_SETUP_MCE, BigUint64Array.of(u64(mcgCap, 'MCG_CAP')));
  }

  /**
   * Reports an error to the guest in one of its banks: an uncorrected one interrupts it, any other waits there to be read.
   * KVM_X86_SET_MCE, api.rst 4.106. x86, Cap.Mce.
   */
  setMce(mce: StructInit<KvmX86Mce>): void {
    this.write(abi.KVM_X86_SET_MCE, mce);
  }
}

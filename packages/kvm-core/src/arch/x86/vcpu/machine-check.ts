import type { KvmRun, KvmX86Mce } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u64 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for machine checks, which report hardware errors to a guest. */
export abstract class X86VcpuMachineCheck extends GenericVcpu<Exit, KvmRun> {
  /**
   * Sets up the machine-check banks of the vCPU. KVM_X86_SETUP_MCE, api.rst 4.105. x86, Cap.Mce, whose value is the
   * maximum number of banks.
   *
   * @param mcgCap the value of its MSR MCG_CAP: the number of banks in bits 0 to 7, and features of
   *   `kvm.getMceCapSupported`.
   */
  setupMce(mcgCap: bigint): void {
    this.ioctl(abi.KVM_X86_SETUP_MCE, BigUint64Array.of(u64(mcgCap, 'MCG_CAP')));
  }

  /**
   * Reports an error in one of the guest's banks. An uncorrected error interrupts the guest; it reads others from the
   * bank. KVM_X86_SET_MCE, api.rst 4.106. x86, Cap.Mce.
   */
  setMce(mce: StructInit<KvmX86Mce>): void {
    this.write(abi.KVM_X86_SET_MCE, mce);
  }
}

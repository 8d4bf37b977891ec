import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls of a vCPU for Hyper-V guests. */
export abstract class X86VcpuHyperV extends GenericVcpu<Exit, KvmRun> {
  /**
   * Enables the enlightened VMCS: Hyper-V as the guest shares the control structures of its own guests with KVM.
   * Cap.HyperVEnlightenedVmcs with KVM_ENABLE_CAP, api.rst 4.37. x86, on Intel hosts with nested virtualisation.
   *
   * @returns the range of versions of the enlightened VMCS that KVM supports.
   */
  enableHyperVEnlightenedVmcs(): { lowest: number; highest: number } {
    const versions = new Uint8Array(2);
    this.enableWithAddress(abi.Cap.HyperVEnlightenedVmcs, [BigInt(this.opened().address(versions))], 0);
    const [lowest = 0, highest = 0] = versions;
    return { lowest, highest };
  }
}

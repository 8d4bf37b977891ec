import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** What a guest made for Hyper-V wants of a vCPU. */
export abstract class X86VcpuHyperV extends GenericVcpu<Exit, KvmRun> {
  /**
   * Lets a guest that is Hyper-V itself share the control structures of its guests with KVM, enlightened. Cap.HyperVEnlightenedVmcs by
   * KVM_ENABLE_CAP, api.rst 4.37. x86, on Intel hosts that nest.
   *
   * @returns the versions of these structures that KVM takes.
   */
  enableHyperVEnlightenedVmcs(): { lowest: number; highest: number } {
    const versions = new Uint8Array(2);
    this.enableWithAddress(abi.Cap.HyperVEnlightenedVmcs, [BigInt(this.opened().address(versions))], 0);
    const [lowest = 0, highest = 0] = versions;
    return { lowest, highest };
  }
}

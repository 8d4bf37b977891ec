import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { tdxCommand } from '../encryption.js';
import type { Exit } from '../exit.js';
import { TdxVcpu } from '../tdx.js';

/** The calls for a vCPU with encrypted state. */
export abstract class X86VcpuEncryption extends GenericVcpu<Exit, KvmRun> {
  /** The commands of Intel TDX for this vCPU. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on Intel hosts with TDX. */
  tdx(): TdxVcpu {
    const backend = this.opened();
    return new TdxVcpu({
      command: (command, behind) =>
        tdxCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind))),
      address: (bytes) => backend.address(bytes),
      shown: { vcpu: this },
    });
  }
}

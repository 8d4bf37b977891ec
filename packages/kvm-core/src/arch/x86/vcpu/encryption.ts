import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { tdxCommand } from '../encryption.js';
import type { Exit } from '../exit.js';
import { TdxVcpu } from '../tdx.js';

/** A vCPU whose state the host cannot read. */
export abstract class X86VcpuEncryption extends GenericVcpu<Exit, KvmRun> {
  /** This vCPU as one of a trust domain of Intel's TDX. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on Intel hosts that have it. */
  tdx(): TdxVcpu {
    const backend = this.opened();
    return new TdxVcpu({
      command: (command, behind) =>
        tdxCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind))),
      address: (bytes) => backend.address(bytes),
    });
  }
}

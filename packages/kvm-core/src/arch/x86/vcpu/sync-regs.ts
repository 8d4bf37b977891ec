import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import { SynchronisedRegisters } from '../sync-regs.js';

/** The registers in the run state. */
export abstract class X86VcpuSyncRegs extends GenericVcpu<Exit, KvmRun> {
  /**
   * The registers in `struct kvm_run`, api.rst 5. x86, Cap.SyncRegs, whose value has the supported sets of registers.
   */
  get syncRegs(): SynchronisedRegisters {
    const run = this.kvmRun;
    const fields = (): number => Math.max(0, this.hostCapability(abi.Cap.SyncRegs));
    return this.kept('syncRegs', () => new SynchronisedRegisters(run, fields()));
  }
}

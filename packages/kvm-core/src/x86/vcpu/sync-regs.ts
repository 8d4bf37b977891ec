import * as abi from '../../abi/x86/index.js';
import { SynchronisedRegisters } from '../sync-regs.js';
import { X86VcpuDebug } from './debug.js';

/** The registers that travel with the run state. */
export abstract class X86VcpuSyncRegs extends X86VcpuDebug {
  #syncRegs: SynchronisedRegisters | undefined;

  /** The registers in the run state: `struct kvm_run`, api.rst 5. x86, Cap.SyncRegs, whose value is what of them there is. */
  get syncRegs(): SynchronisedRegisters {
    const run = this.kvmRun;
    this.#syncRegs ??= new SynchronisedRegisters(run, Math.max(0, this.queryExtension(abi.Cap.SyncRegs)));
    return this.#syncRegs;
  }
}

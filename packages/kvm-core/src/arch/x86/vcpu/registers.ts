import type { KvmFpu, KvmRegs, KvmRun, KvmSregs, KvmSregs2 } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for the registers of a vCPU. */
export abstract class X86VcpuRegisters extends GenericVcpu<Exit, KvmRun> {
  /** The general-purpose registers. KVM_GET_REGS, api.rst 4.11. */
  getRegs(into?: KvmRegs): KvmRegs {
    return this.read(abi.KVM_GET_REGS, into);
  }

  /** Sets all general-purpose registers. Missing ones become 0. KVM_SET_REGS, api.rst 4.12. */
  setRegs(regs: StructInit<KvmRegs>): void {
    this.write(abi.KVM_SET_REGS, regs);
  }

  /** Segments, descriptor tables, control registers. KVM_GET_SREGS, api.rst 4.13. x86. */
  getSregs(into?: KvmSregs): KvmSregs {
    return this.read(abi.KVM_GET_SREGS, into);
  }

  /**
   * Sets all segments, descriptor tables and control registers. Missing ones become 0. KVM_SET_SREGS, api.rst 4.14.
   * x86.
   */
  setSregs(sregs: StructInit<KvmSregs>): void {
    this.write(abi.KVM_SET_SREGS, sregs);
  }

  /**
   * The registers of `getSregs`, without the pending interrupt and with the page-directory pointers of PAE paging.
   * `flags` has `Sregs2Flag.PdptrsValid` if these are valid. KVM_GET_SREGS2, api.rst 4.131. x86, Cap.Sregs2.
   */
  getSregs2(into?: KvmSregs2): KvmSregs2 {
    return this.read(abi.KVM_GET_SREGS2, into);
  }

  /**
   * Sets all registers of `getSregs2`. Missing ones become 0. Without `Sregs2Flag.PdptrsValid` the CPU reads the
   * page-directory pointers from guest memory. KVM_SET_SREGS2, api.rst 4.132. x86, Cap.Sregs2.
   */
  setSregs2(sregs: StructInit<KvmSregs2>): void {
    this.write(abi.KVM_SET_SREGS2, sregs);
  }

  /** The x87 and SSE state. KVM_GET_FPU, api.rst 4.22. x86. */
  getFpu(into?: KvmFpu): KvmFpu {
    return this.read(abi.KVM_GET_FPU, into);
  }

  /** Sets the x87 and SSE state. KVM_SET_FPU, api.rst 4.23. x86. */
  setFpu(fpu: StructInit<KvmFpu>): void {
    this.write(abi.KVM_SET_FPU, fpu);
  }
}

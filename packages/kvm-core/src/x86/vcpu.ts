import type { KvmCpuidEntry2, KvmFpu, KvmMsrEntry, KvmRegs, KvmRun, KvmSregs } from '../abi/x86/index.js';
import * as abi from '../abi/x86/index.js';
import type { StructArray } from '../struct/array.js';
import { list } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';
import { GenericVcpu, type VcpuParts } from '../vcpu/vcpu.js';
import { type Exit, exits } from './exits.js';
import { msrList, msrValues } from './msrs.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it is the one that runs it. */
export class Vcpu extends GenericVcpu<Exit, KvmRun> {
  /** @internal `vm.createVcpu`. */
  constructor(parts: VcpuParts) {
    super(parts, exits);
  }

  /** The general-purpose registers. KVM_GET_REGS, api.rst 4.11. */
  getRegs(into?: KvmRegs): KvmRegs {
    return this.read(abi.KVM_GET_REGS, into);
  }

  /** Sets all general-purpose registers; those that are not given become 0. KVM_SET_REGS, api.rst 4.12. */
  setRegs(regs: KvmRegs | StructInit<KvmRegs>): void {
    this.write(abi.KVM_SET_REGS, regs);
  }

  /** Segments, descriptor tables, control registers. KVM_GET_SREGS, api.rst 4.13. x86. */
  getSregs(into?: KvmSregs): KvmSregs {
    return this.read(abi.KVM_GET_SREGS, into);
  }

  /** Sets all of them; those that are not given become 0. KVM_SET_SREGS, api.rst 4.14. x86. */
  setSregs(sregs: KvmSregs | StructInit<KvmSregs>): void {
    this.write(abi.KVM_SET_SREGS, sregs);
  }

  /** The x87 and SSE state. KVM_GET_FPU, api.rst 4.22. x86. */
  getFpu(into?: KvmFpu): KvmFpu {
    return this.read(abi.KVM_GET_FPU, into);
  }

  /** Sets the x87 and SSE state. KVM_SET_FPU, api.rst 4.23. x86. */
  setFpu(fpu: KvmFpu | StructInit<KvmFpu>): void {
    this.write(abi.KVM_SET_FPU, fpu);
  }

  /**
   * Model-specific registers. KVM_GET_MSRS, api.rst 4.18. x86.
   *
   * @returns one entry for each index, in order; fewer when the kernel stops at one it cannot read.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    msrs.nmsrs = this.call(abi.KVM_GET_MSRS, this.addressOf(msrs));
    return msrs.entries;
  }

  /**
   * Sets model-specific registers, in order. KVM_SET_MSRS, api.rst 4.19. x86.
   *
   * @returns how many were set: fewer than were given when the kernel stops at one it refuses.
   */
  setMsrs(entries: ArrayLike<KvmMsrEntry | StructInit<KvmMsrEntry>>): number {
    return this.call(abi.KVM_SET_MSRS, this.addressOf(msrValues(entries)));
  }

  /** What CPUID tells the guest; before its first run. KVM_SET_CPUID2, api.rst 4.20. x86, Cap.ExtCpuid. */
  setCpuid2(entries: ArrayLike<KvmCpuidEntry2 | StructInit<KvmCpuidEntry2>>): void {
    const cpuid = abi.KvmCpuid2.withCapacity(list(entries, 'CPUID leaves').length);
    cpuid.entries = entries;
    this.call(abi.KVM_SET_CPUID2, this.addressOf(cpuid));
  }
}

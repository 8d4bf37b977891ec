import type { KvmCpuidEntry, KvmCpuidEntry2, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructArray } from '../../../struct/array.js';
import { list } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { CpuidTable } from '../cpuid/table.js';
import type { Exit } from '../exit.js';

/** What a vCPU says of itself to its guest. */
export abstract class X86VcpuCpuid extends GenericVcpu<Exit, KvmRun> {
  /** What CPUID tells the guest; before its first run. KVM_SET_CPUID2, api.rst 4.20. x86, Cap.ExtCpuid. */
  setCpuid2(entries: CpuidTable | ArrayLike<StructInit<KvmCpuidEntry2>>): void {
    this.write(abi.KVM_SET_CPUID2, { entries: CpuidTable.leavesOf(entries) });
  }

  /**
   * What CPUID tells the guest, with what the kernel has added to it; empty before `setCpuid2`. KVM_GET_CPUID2. x86,
   * Cap.ExtCpuid.
   */
  getCpuid2(): StructArray<KvmCpuidEntry2> {
    const cpuid = this.readList(abi.KVM_GET_CPUID2);
    // Old kernels, as 5.10, leave the count at the room there is, and the rest of the room as zero as it was.
    const filled = cpuid.entries.map(({ bytes }) => bytes.some((byte) => byte !== 0));
    cpuid.nent = filled.lastIndexOf(true) + 1;
    return cpuid.entries;
  }

  /** The older `setCpuid2`, whose leaves have no subleaves. KVM_SET_CPUID, api.rst 4.20. x86. */
  setCpuid(entries: ArrayLike<StructInit<KvmCpuidEntry>>): void {
    this.write(abi.KVM_SET_CPUID, { entries: list(entries, 'CPUID leaves') });
  }

  /**
   * The leaves of Hyper-V that this vCPU can offer, to be joined to those of `setCpuid2`; some depend on what is
   * enabled on it. KVM_GET_SUPPORTED_HV_CPUID, api.rst 4.118. x86, Cap.HyperVCpuid.
   */
  getSupportedHvCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_HV_CPUID).entries;
  }
}

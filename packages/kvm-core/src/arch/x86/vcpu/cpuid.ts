import type { KvmCpuidEntry, KvmCpuidEntry2, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructArray } from '../../../struct/array.js';
import { list } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { CpuidTable } from '../cpuid/table.js';
import type { Exit } from '../exit.js';

/** The calls for the CPUID of a vCPU. */
export abstract class X86VcpuCpuid extends GenericVcpu<Exit, KvmRun> {
  /** Sets the CPUID leaves of the guest, before its first run. KVM_SET_CPUID2, api.rst 4.20. x86, Cap.ExtCpuid. */
  setCpuid2(entries: CpuidTable | ArrayLike<StructInit<KvmCpuidEntry2>>): void {
    this.write(abi.KVM_SET_CPUID2, { entries: CpuidTable.leavesOf(entries) });
  }

  /**
   * The CPUID leaves of the guest, with the kernel's additions; empty before `setCpuid2`. KVM_GET_CPUID2. x86,
   * Cap.ExtCpuid.
   */
  getCpuid2(): StructArray<KvmCpuidEntry2> {
    const cpuid = this.readList(abi.KVM_GET_CPUID2);
    // Old kernels such as 5.10 do not update the count. The unused entries stay zero.
    const filled = cpuid.entries.map(({ bytes }) => bytes.some((byte) => byte !== 0));
    cpuid.nent = filled.lastIndexOf(true) + 1;
    return cpuid.entries;
  }

  /** The older form of `setCpuid2`, for leaves without subleaves. KVM_SET_CPUID, api.rst 4.20. x86. */
  setCpuid(entries: ArrayLike<StructInit<KvmCpuidEntry>>): void {
    this.write(abi.KVM_SET_CPUID, { entries: list(entries, 'CPUID leaves') });
  }

  /**
   * The Hyper-V CPUID leaves that this vCPU supports, to add to those of `setCpuid2`. Some depend on its enabled
   * capabilities. KVM_GET_SUPPORTED_HV_CPUID, api.rst 4.118. x86, Cap.HyperVCpuid.
   */
  getSupportedHvCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_HV_CPUID).entries;
  }
}

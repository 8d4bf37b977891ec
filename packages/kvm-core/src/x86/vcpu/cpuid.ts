import type { KvmCpuidEntry2 } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import { list } from '../../struct/check.js';
import type { StructInit } from '../../struct/struct.js';
import { X86VcpuMsrs } from './msrs.js';

/** What a vCPU says of itself to its guest. */
export abstract class X86VcpuCpuid extends X86VcpuMsrs {
  /** What CPUID tells the guest; before its first run. KVM_SET_CPUID2, api.rst 4.20. x86, Cap.ExtCpuid. */
  setCpuid2(entries: ArrayLike<KvmCpuidEntry2 | StructInit<KvmCpuidEntry2>>): void {
    const cpuid = abi.KvmCpuid2.withCapacity(list(entries, 'CPUID leaves').length);
    cpuid.entries = entries;
    this.call(abi.KVM_SET_CPUID2, this.addressOf(cpuid));
  }
}

import type { KvmMsrEntry, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructArray } from '../../../struct/array.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import {
  allRead,
  checkAllSet,
  msrList,
  msrValues,
  type ReadMsrs,
  readMsrs,
  type WrittenMsrs,
  writeMsrs,
} from '../msrs.js';

/** The calls for the model-specific registers of a vCPU. */
export abstract class X86VcpuMsrs extends GenericVcpu<Exit, KvmRun> {
  /**
   * Reads model-specific registers. KVM_GET_MSRS, api.rst 4.18. x86.
   *
   * @returns one entry for each index, in order.
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first MSR that cannot be read. `readMsrs` skips such MSRs.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    return allRead(msrs, this.call(abi.KVM_GET_MSRS, this.addressOf(msrs))).entries;
  }

  /** Like `getMsrs`, but skips MSRs that cannot be read and returns their indices. Takes a list of any length. */
  readMsrs(indices: ArrayLike<number>): ReadMsrs {
    return readMsrs(indices, (msrs) => this.call(abi.KVM_GET_MSRS, this.addressOf(msrs)));
  }

  /**
   * Sets model-specific registers, in order. KVM_SET_MSRS, api.rst 4.19. x86.
   *
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first MSR that the kernel refuses, and its value. The MSRs
   *   before it are set. `writeMsrs` skips such MSRs.
   */
  setMsrs(entries: ArrayLike<StructInit<KvmMsrEntry>>): void {
    const msrs = msrValues(entries);
    checkAllSet(msrs, this.call(abi.KVM_SET_MSRS, this.addressOf(msrs)));
  }

  /** Like `setMsrs`, but skips MSRs that the kernel refuses and returns their indices. Takes a list of any length. */
  writeMsrs(entries: ArrayLike<StructInit<KvmMsrEntry>>): WrittenMsrs {
    return writeMsrs(entries, (msrs) => this.call(abi.KVM_SET_MSRS, this.addressOf(msrs)));
  }
}

import type { KvmMsrEntry, KvmRun } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import type { StructArray } from '../../struct/array.js';
import type { StructInit } from '../../struct/struct.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import type { Exit } from '../exits.js';
import { msrList, msrValues } from '../msrs.js';

/** The model-specific registers of a vCPU. */
export abstract class X86VcpuMsrs extends GenericVcpu<Exit, KvmRun> {
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
}

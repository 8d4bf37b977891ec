import type { KvmRun, KvmVcpuEvents } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for the events of a vCPU: exceptions, interrupts and NMIs that are pending or not yet delivered. */
export abstract class X86VcpuEvents extends GenericVcpu<Exit, KvmRun> {
  /** The events that are pending or being delivered. KVM_GET_VCPU_EVENTS, api.rst 4.31. x86, Cap.VcpuEvents. */
  getVcpuEvents(into?: KvmVcpuEvents): KvmVcpuEvents {
    return this.read(abi.KVM_GET_VCPU_EVENTS, into);
  }

  /**
   * Replaces the pending events. `flags`, of `VcpuEventFlag`, selects the optional fields that are valid.
   * KVM_SET_VCPU_EVENTS, api.rst 4.32. x86, Cap.VcpuEvents.
   */
  setVcpuEvents(events: StructInit<KvmVcpuEvents>): void {
    this.write(abi.KVM_SET_VCPU_EVENTS, events);
  }
}

import type { KvmRun, KvmVcpuEvents } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** What is about to happen to a vCPU: exceptions, interrupts, NMIs that it has taken and not delivered. */
export abstract class X86VcpuEvents extends GenericVcpu<Exit, KvmRun> {
  /** The events that are pending or being delivered. KVM_GET_VCPU_EVENTS, api.rst 4.31. x86, Cap.VcpuEvents. */
  getVcpuEvents(into?: KvmVcpuEvents): KvmVcpuEvents {
    return this.read(abi.KVM_GET_VCPU_EVENTS, into);
  }

  /**
   * Sets the events, and with them loses those that were pending. `flags`, of `VcpuEventFlag`, says which of the optional fields count.
   * KVM_SET_VCPU_EVENTS, api.rst 4.32. x86, Cap.VcpuEvents.
   */
  setVcpuEvents(events: StructInit<KvmVcpuEvents>): void {
    this.write(abi.KVM_SET_VCPU_EVENTS, events);
  }
}

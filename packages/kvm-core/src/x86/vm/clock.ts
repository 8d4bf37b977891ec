import type { KvmClockData } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import type { StructInit } from '../../struct/struct.js';
import { X86VmInterrupts } from './interrupts.js';

/** The clocks that a VM's vCPUs share. */
export abstract class X86VmClock extends X86VmInterrupts {
  /** The guest's kvmclock, in nanoseconds, with flags that say how far to trust it. api.rst 4.29. x86, Cap.AdjustClock. */
  getClock(into?: KvmClockData): KvmClockData {
    return this.read(abi.KVM_GET_CLOCK, into);
  }

  /** Sets the guest's kvmclock. KVM_SET_CLOCK, api.rst 4.30. x86, Cap.AdjustClock. */
  setClock(clock: KvmClockData | StructInit<KvmClockData>): void {
    this.write(abi.KVM_SET_CLOCK, clock);
  }
}

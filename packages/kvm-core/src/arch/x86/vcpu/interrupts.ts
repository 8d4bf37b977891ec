import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { boolean, u64 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import { Lapic } from '../lapic.js';

/** The calls for the interrupts of an x86 vCPU and its local APIC. */
export abstract class X86VcpuInterrupts extends GenericVcpu<Exit, KvmRun> {
  /** Queues a non-maskable interrupt. KVM_NMI, api.rst 4.64. x86, Cap.UserNmi. */
  nmi(): void {
    this.call(abi.KVM_NMI);
  }

  /** Queues a system management interrupt. KVM_SMI, api.rst 4.96. x86, Cap.X86Smm. */
  smi(): void {
    this.call(abi.KVM_SMI);
  }

  /** The registers of the vCPU's local APIC in the kernel. KVM_GET_LAPIC, api.rst 4.57. x86, Cap.IrqChip. */
  getLapic(into: Lapic = new Lapic()): Lapic {
    this.read(abi.KVM_GET_LAPIC, into);
    return into;
  }

  /** Sets all registers of the local APIC. KVM_SET_LAPIC, api.rst 4.58. x86, Cap.IrqChip. */
  setLapic(lapic: StructInit<abi.KvmLapicState>): void {
    this.write(abi.KVM_SET_LAPIC, lapic);
  }

  /**
   * Turns the guest's accesses to the task priority register of its local APIC into exits, `ExitReason.TprAccess`, or
   * stops that. Hosts without hardware support for this register use it to patch the guest. KVM_TPR_ACCESS_REPORTING.
   * x86, Cap.Vapic.
   */
  tprAccessReporting(enabled: boolean): void {
    this.write(abi.KVM_TPR_ACCESS_REPORTING, { enabled: Number(boolean(enabled, 'enabled')) });
  }

  /**
   * Sets the address of the four bytes in which the kernel and a patched guest share the task priority.
   * KVM_SET_VAPIC_ADDR. x86, Cap.Vapic, and a local APIC in the kernel.
   *
   * @param address guest-physical, in the guest's memory; 0 ends the sharing.
   */
  setVapicAddr(address: bigint): void {
    this.write(abi.KVM_SET_VAPIC_ADDR, { vapicAddr: u64(address, 'the address of the VAPIC') });
  }
}

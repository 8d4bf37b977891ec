import type { MpState } from '../abi/x86/groups.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { u32 } from '../struct/check.js';

/** The interrupts of a vCPU. */
export abstract class VcpuInterrupts extends KvmFd<'vcpu'> {
  /**
   * Whether the vCPU runs, waits for an interrupt, or waits to be started. KVM_GET_MP_STATE, api.rst 4.38. Cap.MpState.
   * Not on powerpc and mips.
   */
  getMpState(): MpState {
    return this.read(this.abi.KVM_GET_MP_STATE).mpState as MpState;
  }

  /**
   * Makes the vCPU run, wait or stop. KVM_SET_MP_STATE, api.rst 4.39. Cap.MpState. Not on powerpc and mips.
   *
   * @param state one of `MpState`. The architecture decides which are valid; on x86 without a local APIC in the kernel
   *   only `Runnable` is.
   */
  setMpState(state: MpState): void {
    this.write(this.abi.KVM_SET_MP_STATE, { mpState: u32(state, 'the state of a vCPU') });
  }

  /**
   * Queues an interrupt. KVM_INTERRUPT, api.rst 4.16. Not on arm64 and s390.
   *
   * @param irq on x86 the vector, only without an interrupt controller in the kernel. The guest takes it once its
   *   interrupts are enabled: `kvmRun.readyForInterruptInjection` tells whether it would take it now. On riscv
   *   KVM_INTERRUPT_SET or KVM_INTERRUPT_UNSET, for the external interrupt line of the hart.
   */
  interrupt(irq: number): void {
    this.write(this.abi.KVM_INTERRUPT, { irq: u32(irq, 'an interrupt') });
  }
}

import { X86VcpuCpuid } from './cpuid.js';

/** The interrupts of an x86 vCPU, and its local APIC. */
export abstract class X86VcpuInterrupts extends X86VcpuCpuid {}

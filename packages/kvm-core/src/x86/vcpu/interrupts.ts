import { X86VcpuDebug } from './debug.js';

/** The interrupts of an x86 vCPU, and its local APIC. */
export abstract class X86VcpuInterrupts extends X86VcpuDebug {}

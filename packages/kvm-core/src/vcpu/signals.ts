import { VcpuInterrupts } from './interrupts.js';

/** The signals that reach a thread while it runs a vCPU. */
export abstract class VcpuSignals extends VcpuInterrupts {}

import { VcpuSignals } from './signals.js';

/** What a vCPU does to its VM's memory. */
export abstract class VcpuMemory extends VcpuSignals {}

import { VcpuMemory } from './memory.js';

/** Registers, one at a time, by their ids. */
export abstract class VcpuOneReg extends VcpuMemory {}

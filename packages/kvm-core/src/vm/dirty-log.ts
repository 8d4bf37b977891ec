import { VmMemory } from './memory.js';

/** Which pages of a VM's memory were written to. */
export abstract class VmDirtyLog extends VmMemory {}

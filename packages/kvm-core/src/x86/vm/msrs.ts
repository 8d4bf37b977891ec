import { X86VmMemory } from './memory.js';

/** Which model-specific registers leave the guest. */
export abstract class X86VmMsrs extends X86VmMemory {}

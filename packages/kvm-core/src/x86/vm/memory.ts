import { X86VmClock } from './clock.js';

/** How a PC's memory is kept. */
export abstract class X86VmMemory extends X86VmClock {}

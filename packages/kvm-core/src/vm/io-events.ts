import { VmDirtyLog } from './dirty-log.js';

/** Accesses to ports and to memory that do not leave the guest. */
export abstract class VmIoEvents extends VmDirtyLog {}

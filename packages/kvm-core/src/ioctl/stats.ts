import { AttributesFd } from './attributes.js';
import type { FdKind } from './ioctl.js';

/** A descriptor that counts what happens to it: a VM, a vCPU. */
export abstract class StatsFd<K extends FdKind> extends AttributesFd<K> {}

import type { FdKind } from './ioctl.js';
import { KvmFd } from './kvm-fd.js';

/** A descriptor that has attributes: a VM, a vCPU, a device. */
export abstract class AttributesFd<K extends FdKind> extends KvmFd<K> {}

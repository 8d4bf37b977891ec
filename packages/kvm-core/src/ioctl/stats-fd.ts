import type { FdKind } from '../abi/ioctl.js';
import { AttributesFd } from './attributes.js';
import { Descriptor } from './descriptor.js';
import { KvmFd } from './kvm-fd.js';
import { Stats } from './stats.js';

/** A descriptor with statistics: a VM, a vCPU. */
export abstract class StatsFd<K extends FdKind> extends AttributesFd<K> {
  /**
   * The kernel's statistics of this object: the same `Stats` each time, usable until this object is closed.
   * KVM_GET_STATS_FD, api.rst 4.133. Cap.BinaryStatsFd.
   */
  stats(): Stats {
    this.opened();
    return this.kept('stats', () => this.openStats());
  }

  private openStats(): Stats {
    const parent = KvmFd.descriptorOf(this);
    const { arch, backend } = parent;
    const fd = this.callForFd(this.abi.KVM_GET_STATS_FD);
    const descriptor = new Descriptor(arch, backend, fd, parent);
    try {
      return new Stats(descriptor, () => !this.closed);
    } catch (error) {
      descriptor.release();
      throw error;
    }
  }
}

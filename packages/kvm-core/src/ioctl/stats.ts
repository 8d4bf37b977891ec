import { systemCall } from '../errors/system-call.js';
import { Stats } from '../stats/stats.js';
import { AttributesFd } from './attributes.js';
import { Descriptor } from './descriptor.js';
import type { FdKind } from './ioctl.js';
import { KvmFd } from './kvm-fd.js';

/** A descriptor that counts what happens to it: a VM, a vCPU. */
export abstract class StatsFd<K extends FdKind> extends AttributesFd<K> {
  /**
   * What the kernel counts of it: the same object each time, good until this one is closed. KVM_GET_STATS_FD, api.rst 4.133.
   * Cap.BinaryStatsFd.
   */
  stats(): Stats {
    this.opened();
    return this.kept('stats', () => this.openStats());
  }

  private openStats(): Stats {
    const parent = KvmFd.descriptorOf(this);
    const { arch, backend } = parent;
    const fd = this.call(this.abi.KVM_GET_STATS_FD);
    const descriptor = new Descriptor(arch, backend, fd, parent);
    try {
      // The kernel makes this one descriptor, of all that KVM has, without close-on-exec.
      systemCall('setting close-on-exec', backend.ioctl(fd, fioclex[arch.name] ?? 0x5451, 0));
      return new Stats(descriptor, () => !this.closed);
    } catch (error) {
      descriptor.release();
      throw error;
    }
  }
}

/** FIOCLEX, the ioctl of any file that sets close-on-exec, where its number is not the usual one. */
const fioclex: Readonly<Record<string, number>> = { powerpc: 0x2000_6601, mips: 0x6601 };

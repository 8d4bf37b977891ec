import { adoptVcpu, type TransferredVcpu } from '../../share/vcpu.js';
import type { VcpuParts } from '../../vcpu/parts.js';
import { x86 } from '../architecture.js';
import { exits } from '../exits.js';
import { X86VcpuSaving } from './saving.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it, or was given it, is the one that runs it. */
export class Vcpu extends X86VcpuSaving {
  /** @internal `vm.createVcpu`. */
  constructor(parts: VcpuParts) {
    super(parts, exits);
  }

  /**
   * The vCPU that another thread gave away with `transfer`: this thread's from now on.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for what no vCPU gave.
   */
  static from(transferred: TransferredVcpu): Vcpu {
    return new Vcpu(adoptVcpu(x86, transferred));
  }
}

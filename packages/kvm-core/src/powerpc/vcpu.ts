import type { KvmRun } from '../abi/powerpc/index.js';
import { adoptVcpu, type TransferredVcpu } from '../share/vcpu.js';
import type { VcpuParts } from '../vcpu/parts.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import { powerpc } from './architecture.js';
import { type Exit, exits } from './exits.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it, or was given it, is the one that runs it. */
export class Vcpu extends GenericVcpu<Exit, KvmRun> {
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
    return new Vcpu(adoptVcpu(powerpc, transferred));
  }
}

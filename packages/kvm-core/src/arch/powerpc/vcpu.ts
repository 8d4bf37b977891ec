import { types } from 'node:util';
import * as abi from '../../abi/powerpc/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { integer } from '../../struct/check.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { powerpc } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it, or was given it, is the one that runs it. */
export class Vcpu extends GenericVcpu<Exit, abi.KvmRun> {
  /** @internal `vm.createVcpu`. */
  constructor(resources: VcpuResources) {
    super(resources, exitMakers);
  }

  /**
   * The vCPU that another thread gave away with `transfer`: this thread's from now on.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for what no vCPU gave.
   */
  static from(transferred: TransferredVcpu): Vcpu {
    return new Vcpu(adoptVcpu(powerpc, transferred));
  }

  /**
   * Tells the kernel which entries of the shared TLB were changed. KVM_DIRTY_TLB, api.rst 4.36. powerpc, Cap.SwTlb.
   *
   * @param bitmap one bit an entry of the TLB, from bit 0 of the first word on: as many words as the TLB has entries, over 64.
   * @param numDirty how many bits are set.
   */
  dirtyTlb(bitmap: BigUint64Array, numDirty: number): void {
    if (!types.isBigUint64Array(bitmap)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the bitmap of changed entries must be a BigUint64Array');
    }
    integer(numDirty, 0, bitmap.byteLength * 8, 'the number of changed entries');
    const address = BigInt(this.opened().address(bitmap));
    this.call(abi.KVM_DIRTY_TLB, this.addressOf(abi.KvmDirtyTlb.from({ bitmap: address, numDirty }), [bitmap]));
  }
}

import { types } from 'node:util';
import * as abi from '../../abi/powerpc/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { integer } from '../../struct/check.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { powerpc } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';

/** A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. */
export class Vcpu extends GenericVcpu<Exit, abi.KvmRun> {
  /** @internal `vm.createVcpu`. */
  constructor(resources: VcpuResources) {
    super(resources, exitMakers);
  }

  /**
   * Takes the vCPU that another thread gave away with `transfer`. It belongs to this thread from now on.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for anything that
   *   `transfer` did not return.
   */
  static from(transferred: TransferredVcpu): Vcpu {
    return new Vcpu(adoptVcpu(powerpc, transferred));
  }

  /**
   * Tells the kernel which entries of the shared TLB were changed. KVM_DIRTY_TLB, api.rst 4.36. powerpc, Cap.SwTlb.
   *
   * @param bitmap one bit per entry of the TLB, starting at bit 0 of the first word: one word for each 64 entries.
   * @param numDirty the number of bits that are set.
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

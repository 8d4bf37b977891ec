import * as abi from '../../abi/x86/index.js';
import { checkKind, restoreParts, savedParts } from '../../state/parts.js';
import { broken, SavedState } from '../../state/saved-state.js';
import { type SavedVcpu, vcpuParts } from '../state/vcpu-parts.js';
import { X86VcpuInterrupts } from './interrupts.js';

/** The state of a vCPU as a whole. */
export abstract class X86VcpuSaving extends X86VcpuInterrupts {
  /**
   * Everything the host's KVM tells of the vCPU: registers, extended state, MSRs, CPUID, local APIC, pending events. Between two runs, in
   * the thread that runs it. What the last exit waits for is completed first, with what its handler has put there.
   *
   * Not in it, for no kernel tells: the capabilities enabled on it, the signal mask, what a debugger has set.
   *
   * @throws KvmError `ERR_KVM_STATE` when the guest is in the middle of an instruction that needs one more exit: `settle` gives that.
   */
  save(): SavedState {
    if (this.settle() !== undefined) {
      throw broken(
        'the guest is in the middle of an access: handle what settle() gives until it gives nothing, then save',
      );
    }
    return SavedState.of('vcpu', this.archName, savedParts(vcpuParts, this.#saved()), this.id);
  }

  /**
   * Puts a state back, into a vCPU that has not run yet, of a VM that has the memory and the interrupt controllers.
   *
   * @throws KvmError `ERR_KVM_STATE` for the state of something else, or of another architecture; when the guest was told of CPU
   *   features that this host lacks; and when the kernel refuses a part, which the message names.
   */
  restore(state: SavedState): void {
    this.opened();
    checkKind(state, 'vcpu', this.archName);
    restoreParts(vcpuParts, this.#saved(), state);
  }

  #saved(): SavedVcpu {
    return {
      vcpu: this,
      msrIndices: () => this.readSystemList(abi.KVM_GET_MSR_INDEX_LIST).indices,
      supportedCpuid: () => this.readSystemList(abi.KVM_GET_SUPPORTED_CPUID).entries,
      xsaveSize: () => Math.max(0, this.queryExtension(abi.Cap.Xsave2)),
    };
  }
}

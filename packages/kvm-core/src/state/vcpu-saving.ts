import type { RunHead } from '../arch/architecture.js';
import type { AnyExit } from '../vcpu/exit-views.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import { checkKind } from './parts.js';
import { broken, type NewPart, SavedState } from './saved-state.js';

/** The state of a vCPU as a whole, on the architectures whose kernel tells it. */
export abstract class VcpuSaving<E extends AnyExit = AnyExit, R extends RunHead = RunHead> extends GenericVcpu<E, R> {
  /** What the vCPU is made of, now. */
  protected abstract savedParts(): NewPart[];
  /** Puts all of it back. */
  protected abstract restoreParts(state: SavedState): void;

  /**
   * The state of the vCPU: on x86 registers, extended state, MSRs, CPUID, local APIC, pending events, and what Xen keeps of it; on arm64
   * and riscv each register that `getRegList` lists, and what goes with them. Between two runs, in the thread that runs it. What the last
   * exit waits for is completed first, with what its handler has put there; and on x86 what the next run would take from the run state,
   * `syncRegs.dirty` and CR8, is in it.
   *
   * Not in it: the capabilities enabled on it, its device attributes, the signal mask, what a debugger has set.
   *
   * @throws KvmError `ERR_KVM_STATE` when the guest is in the middle of an instruction that needs one more exit: `settle` gives
   *   that; and for a vCPU of arm64 that `init` did not initialise.
   */
  save(): SavedState {
    if (this.settle() !== undefined) {
      throw broken(
        'the guest is in the middle of an access: handle what settle() gives until it gives nothing, then save',
      );
    }
    return SavedState.of('vcpu', this.archName, this.savedParts(), this.id);
  }

  /**
   * Puts a state back, into a vCPU of the same id that has not run yet, of a VM that has the memory and the interrupt controllers. One
   * of arm64 needs no `init`: the state says with what.
   *
   * @throws KvmError `ERR_KVM_STATE` for the state of something else, of a vCPU of another id, or of another architecture; for one that
   *   lacks what every vCPU has; for a vCPU that has run; when the guest was told of CPU features that this host lacks; and when the
   *   kernel refuses a part, which the message names.
   */
  restore(state: SavedState): void {
    this.opened();
    checkKind(state, 'vcpu', this.archName);
    const { id } = state.header;
    if (id !== undefined && id !== this.id)
      throw broken(`this is the state of vCPU ${id}, and this is vCPU ${this.id}`);
    // It has more in the kernel than its parts: an access that it is in, a guest of its guest, a CPUID that is fixed.
    if (this.hasRun) throw broken('a state is restored into a vCPU that has not run yet');
    this.restoreParts(state);
  }
}

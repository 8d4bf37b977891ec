import type { RunHead } from '../arch/architecture.js';
import type { AnyExit } from '../vcpu/exit-views.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import { checkKind } from './parts.js';
import { broken, type NewPart, SavedState } from './saved-state.js';

/** Saves and restores a vCPU, on the architectures whose kernel supports it. */
export abstract class VcpuSaving<E extends AnyExit = AnyExit, R extends RunHead = RunHead> extends GenericVcpu<E, R> {
  /** The parts of the current state. */
  protected abstract savedParts(): NewPart[];
  /** Restores all parts. */
  protected abstract restoreParts(state: SavedState): void;

  /**
   * Returns the state of the vCPU: on x86 registers, extended state, MSRs, CPUID, local APIC, pending events, and its
   * Xen state; on arm64 and riscv each register that `getRegList` lists, and the related state. Call it between two
   * runs, in the thread that runs the vCPU. It first completes the last exit with the handler's data. On x86 the state
   * includes what the next run would take from the run state: `syncRegs.dirty` and CR8.
   *
   * The state does not include enabled capabilities, device attributes, the signal mask, and debug settings.
   *
   * @throws KvmError `ERR_KVM_STATE` if the guest is in the middle of an instruction that needs another exit, which
   *   `settle` returns; and for an arm64 vCPU that `init` did not initialise.
   */
  save(): SavedState {
    if (this.settle() !== undefined) {
      throw broken(
        'the guest is in the middle of an access: handle the exits of settle() until it returns undefined, then save',
      );
    }
    return SavedState.of('vcpu', this.archName, this.savedParts(), this.id);
  }

  /**
   * Restores a state into a vCPU with the same id that has not run yet, of a VM that already has its memory and
   * interrupt controllers. On arm64 do not call `init`: the state includes its argument.
   *
   * @throws KvmError `ERR_KVM_STATE` for a state of another kind, vCPU id or architecture; for a state without a
   *   required part; for a vCPU that has run; if the guest's CPUID has features that this host lacks; and if the kernel
   *   refuses a part, which the message names.
   */
  restore(state: SavedState): void {
    this.opened();
    checkKind(state, 'vcpu', this.archName);
    const { id } = state.header;
    if (id !== undefined && id !== this.id)
      throw broken(`this is the state of vCPU ${id}, and this is vCPU ${this.id}`);
    // A vCPU that has run has kernel state beside its parts: a pending access, a nested guest, a fixed CPUID.
    if (this.hasRun) throw broken('a state can only be restored into a vCPU that has not run yet');
    this.restoreParts(state);
  }
}

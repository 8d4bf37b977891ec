import * as abi from '../../abi/x86/index.js';
import { restoreParts, savedParts } from '../../state/parts.js';
import type { NewPart, SavedState } from '../../state/saved-state.js';
import { type SavedVcpu, vcpuParts } from '../state/vcpu-parts.js';
import { X86VcpuInterrupts } from './interrupts.js';

/** What the state of a vCPU is made of. */
export abstract class X86VcpuSaving extends X86VcpuInterrupts {
  protected savedParts(): NewPart[] {
    return savedParts(vcpuParts, this.#saved());
  }

  protected restoreParts(state: SavedState): void {
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

import * as abi from '../../abi/x86/index.js';
import { KvmFd } from '../../ioctl/kvm-fd.js';
import { restoreParts, savedParts } from '../../state/parts.js';
import type { NewPart, SavedState } from '../../state/saved-state.js';
import { type SavedVcpu, vcpuParts } from '../state/vcpu-parts.js';
import { isXen } from '../xen.js';
import { X86VcpuInterrupts } from './interrupts.js';

/** What the state of a vCPU is made of. */
export abstract class X86VcpuSaving extends X86VcpuInterrupts {
  protected savedParts(): NewPart[] {
    this.#takeDirty();
    return savedParts(vcpuParts, this.#saved());
  }

  protected restoreParts(state: SavedState): void {
    restoreParts(vcpuParts, this.#saved(), state);
    // What waited there was to be put into what has been replaced.
    this.kvmRun.kvmDirtyRegs = 0n;
  }

  /** Does what the next run would: a vCPU that has not run yet, or waits for its start, has registers in the run state that it lacks. */
  #takeDirty(): void {
    const { kvmRun: run } = this;
    const { regs, sregs, events } = run.s.regs;
    const dirty = run.kvmDirtyRegs;
    if ((dirty & abi.SyncRegs.Regs) !== 0n) this.setRegs(regs);
    if ((dirty & abi.SyncRegs.Sregs) !== 0n) this.setSregs(sregs);
    if ((dirty & abi.SyncRegs.Events) !== 0n) this.setVcpuEvents(events);
    run.kvmDirtyRegs = 0n;
  }

  #saved(): SavedVcpu {
    return {
      vcpu: this,
      msrIndices: () => this.readSystemList(abi.KVM_GET_MSR_INDEX_LIST).indices,
      supportedCpuid: () => this.readSystemList(abi.KVM_GET_SUPPORTED_CPUID).entries,
      xsaveSize: () => Math.max(0, this.queryExtension(abi.Cap.Xsave2)),
      isXen: () => isXen(KvmFd.descriptorOf(this).parent),
    };
  }
}

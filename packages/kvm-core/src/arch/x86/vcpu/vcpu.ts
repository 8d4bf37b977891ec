import * as abi from '../../../abi/x86/index.js';
import { KvmFd } from '../../../ioctl/kvm-fd.js';
import { restoreParts, savedParts } from '../../../state/parts.js';
import type { NewPart, SavedState } from '../../../state/saved-state.js';
import type { VcpuResources } from '../../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../../vcpu/transfer.js';
import { x86 } from '../architecture.js';
import { exitMakers } from '../exit.js';
import { type VcpuStateSource, vcpuStateParts } from '../state/vcpu-state.js';
import { isXen } from '../xen.js';
import { X86VcpuCalls } from './calls.js';

/** A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. */
export class Vcpu extends X86VcpuCalls {
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
    return new Vcpu(adoptVcpu(x86, transferred));
  }

  protected savedParts(): NewPart[] {
    this.#takeDirty();
    return savedParts(vcpuStateParts, this.#saved());
  }

  protected restoreParts(state: SavedState): void {
    restoreParts(vcpuStateParts, this.#saved(), state);
    // These registers were meant for the state that has been replaced.
    this.kvmRun.kvmDirtyRegs = 0n;
  }

  /** Applies the dirty registers in the run state, as the next run would, so that the saved state has them. */
  #takeDirty(): void {
    const { kvmRun: run } = this;
    const { regs, sregs, events } = run.s.regs;
    const dirty = run.kvmDirtyRegs;
    if ((dirty & abi.SyncRegs.Regs) !== 0n) this.setRegs(regs);
    if ((dirty & abi.SyncRegs.Sregs) !== 0n) this.setSregs(sregs);
    if ((dirty & abi.SyncRegs.Events) !== 0n) this.setVcpuEvents(events);
    run.kvmDirtyRegs = 0n;
  }

  #saved(): VcpuStateSource {
    let xsaveSize: number | undefined;
    return {
      vcpu: this,
      msrIndices: () => this.readSystemList(abi.KVM_GET_MSR_INDEX_LIST).indices,
      supportedCpuid: () => this.readSystemList(abi.KVM_GET_SUPPORTED_CPUID).entries,
      once: (name, ask) => this.onceForSystem(name, ask),
      xsaveSize: () => (xsaveSize ??= Math.max(0, this.cachedCapability(abi.Cap.Xsave2))),
      isXen: () => isXen(KvmFd.descriptorOf(this).parent),
    };
  }
}

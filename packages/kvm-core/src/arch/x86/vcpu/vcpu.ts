import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { withGroups } from '../../../ioctl/groups.js';
import { KvmFd } from '../../../ioctl/kvm-fd.js';
import { restoreParts, savedParts } from '../../../state/parts.js';
import type { NewPart, SavedState } from '../../../state/saved-state.js';
import { adoptVcpu, type TransferredVcpu } from '../../../threads/transferred-vcpu.js';
import type { VcpuResources } from '../../../vcpu/resources.js';
import { VcpuSaving } from '../../../vcpu/saving.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { x86 } from '../architecture.js';
import { type Exit, exitMakers } from '../exit.js';
import { type VcpuStateSource, vcpuStateParts } from '../state/vcpu-state.js';
import { isXen } from '../xen.js';
import { X86VcpuClock } from './clock.js';
import { X86VcpuCpuid } from './cpuid.js';
import { X86VcpuDebug } from './debug.js';
import { X86VcpuEncryption } from './encryption.js';
import { X86VcpuEvents } from './events.js';
import { X86VcpuExtendedState } from './extended-state.js';
import { X86VcpuHyperV } from './hyperv.js';
import { X86VcpuInterrupts } from './interrupts.js';
import { X86VcpuMachineCheck } from './machine-check.js';
import { X86VcpuMsrs } from './msrs.js';
import { X86VcpuNested } from './nested.js';
import { X86VcpuRegisters } from './registers.js';
import { X86VcpuSyncRegs } from './sync-regs.js';
import { X86VcpuXen } from './xen.js';

/** The calls of a vCPU that x86 has. */
const X86VcpuCalls = /* @__PURE__ */ withGroups(
  GenericVcpu<Exit, KvmRun>,
  VcpuSaving<Exit, KvmRun>,
  X86VcpuRegisters,
  X86VcpuMsrs,
  X86VcpuCpuid,
  X86VcpuExtendedState,
  X86VcpuEvents,
  X86VcpuNested,
  X86VcpuClock,
  X86VcpuMachineCheck,
  X86VcpuDebug,
  X86VcpuSyncRegs,
  X86VcpuInterrupts,
  X86VcpuXen,
  X86VcpuHyperV,
  X86VcpuEncryption,
);

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it, or was given it, is the one that runs it. */
export class Vcpu extends X86VcpuCalls {
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
    return new Vcpu(adoptVcpu(x86, transferred));
  }

  protected savedParts(): NewPart[] {
    this.#takeDirty();
    return savedParts(vcpuStateParts, this.#saved());
  }

  protected restoreParts(state: SavedState): void {
    restoreParts(vcpuStateParts, this.#saved(), state);
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

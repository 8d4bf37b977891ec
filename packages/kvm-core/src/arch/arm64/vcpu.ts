import type { KvmRun, KvmVcpuEvents, VcpuFeature } from '../../abi/arm64/index.js';
import * as abi from '../../abi/arm64/index.js';
import { withGroups } from '../../ioctl/groups.js';
import { restoreParts, savedParts } from '../../state/parts.js';
import type { NewPart, SavedState } from '../../state/saved-state.js';
import { VcpuSaving } from '../../state/vcpu-saving.js';
import { integer, list } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import type { StructInit } from '../../struct/struct.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { arm64 } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';
import { type GuestDebugOptions, guestDebug } from './guest-debug.js';
import { ArmVcpuRegisters } from './registers.js';
import { type VcpuStateSource, vcpuStateParts } from './vcpu-state.js';

/** What `vcpu.init` takes. */
export interface VcpuInit {
  /** The kind of processor, as `vm.preferredTarget()` gives it. */
  target: number;
  /** What it has, of `VcpuFeature`; nothing of it. */
  features?: readonly VcpuFeature[];
}

/** The calls of a vCPU that arm64 has. */
const ArmVcpuCalls = /* @__PURE__ */ withGroups(GenericVcpu<Exit, KvmRun>, VcpuSaving<Exit, KvmRun>, ArmVcpuRegisters);

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it, or was given it, is the one that runs it. It has to be initialised by `init`. */
export class Vcpu extends ArmVcpuCalls {
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
    return new Vcpu(adoptVcpu(arm64, transferred));
  }

  /**
   * Says what processor the vCPU is, and resets it: without that, it has no registers and does not run. Again, it resets the
   * vCPU, with the same features. KVM_ARM_VCPU_INIT, api.rst 4.82. arm64.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` with EINVAL for a target that is not the host's or features that differ from those of the
   *   VM's other vCPUs, ENOENT for a feature the host lacks.
   */
  init(init: VcpuInit): void {
    const { target, features = [] } = optionsOf(init, 'what a vCPU is initialised with', ['target', 'features']);
    const argument = abi.KvmVcpuInit.from({ target });
    const bits = argument.features;
    for (const feature of list(features, 'features')) {
      integer(feature, 0, bits.length * 32 - 1, 'a feature');
      const word = Math.floor(feature / 32);
      bits[word] = (bits[word] as number) | (1 << (feature % 32));
    }
    this.#init(argument);
  }

  #init(argument: abi.KvmVcpuInit): void {
    this.write(abi.KVM_ARM_VCPU_INIT, argument);
    this.initWords.set([argument.target, ...argument.features]);
  }

  protected savedParts(): NewPart[] {
    return savedParts(vcpuStateParts, this.#saved());
  }

  protected restoreParts(state: SavedState): void {
    restoreParts(vcpuStateParts, this.#saved(), state);
  }

  #saved(): VcpuStateSource {
    return { vcpu: this, initWords: this.initWords, init: (argument) => this.#init(argument) };
  }

  /**
   * Fixes a feature whose shape is set between `init` and the first run: of SVE, the vector lengths. Without it, the vCPU does not
   * run. KVM_ARM_VCPU_FINALIZE, api.rst 4.119. arm64, Cap.ArmSve.
   *
   * @param feature `VcpuFeature.Sve`.
   */
  finalize(feature: VcpuFeature): void {
    this.ioctl(abi.KVM_ARM_VCPU_FINALIZE, Uint32Array.of(integer(feature, 0, 0x7fff_ffff, 'a feature')));
  }

  /** A system error that waits to be taken. KVM_GET_VCPU_EVENTS, api.rst 4.31. arm64, Cap.VcpuEvents. */
  getVcpuEvents(into?: KvmVcpuEvents): KvmVcpuEvents {
    return this.read(abi.KVM_GET_VCPU_EVENTS, into);
  }

  /**
   * Makes a system error wait, or with `extDabtPending` a synchronous abort for an access that nothing answered.
   * KVM_SET_VCPU_EVENTS, api.rst 4.32. arm64, Cap.VcpuEvents; Cap.ArmInjectSerrorEsr, Cap.ArmInjectExtDabt.
   */
  setVcpuEvents(events: StructInit<KvmVcpuEvents>): void {
    this.write(abi.KVM_SET_VCPU_EVENTS, events);
  }

  /**
   * Makes the guest stop for a debugger, or, without options, run as it is: `run` returns with `ExitReason.Debug`, whose
   * `debug.arch` has the syndrome, and the address that was watched. Each call replaces all that the one before it set.
   * KVM_SET_GUEST_DEBUG, api.rst 4.87. arm64, Cap.SetGuestDebug.
   */
  setGuestDebug(options: GuestDebugOptions = {}): void {
    this.write(abi.KVM_SET_GUEST_DEBUG, guestDebug(options));
  }
}

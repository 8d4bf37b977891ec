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

/** The argument of `vcpu.init`. */
export interface VcpuInit {
  /** The kind of processor: `vm.preferredTarget().target`. */
  target: number;
  /** The optional features of the processor; default none. */
  features?: readonly VcpuFeature[];
}

/** All groups of calls of an arm64 vCPU. */
const ArmVcpuCalls = /* @__PURE__ */ withGroups(GenericVcpu<Exit, KvmRun>, VcpuSaving<Exit, KvmRun>, ArmVcpuRegisters);

/**
 * A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. It must be initialised
 * with `init` first.
 */
export class Vcpu extends ArmVcpuCalls {
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
    return new Vcpu(adoptVcpu(arm64, transferred));
  }

  /**
   * Sets the kind of processor and its features, and resets the vCPU. Before this call, the vCPU has no registers and
   * does not run. A second call resets it again, and must name the same features. KVM_ARM_VCPU_INIT, api.rst 4.82.
   * arm64.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` with EINVAL for a target that the host does not have or features that differ
   *   from those of the VM's other vCPUs, with ENOENT for a feature that the host lacks.
   */
  init(init: VcpuInit): void {
    const { target, features = [] } = optionsOf(init, 'the initialisation of a vCPU', ['target', 'features']);
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
   * Finalizes a feature that is configured between `init` and the first run: SVE and its vector lengths. A vCPU with
   * SVE does not run before this call. KVM_ARM_VCPU_FINALIZE, api.rst 4.119. arm64, Cap.ArmSve.
   *
   * @param feature `VcpuFeature.Sve`.
   */
  finalize(feature: VcpuFeature): void {
    this.ioctl(abi.KVM_ARM_VCPU_FINALIZE, Uint32Array.of(integer(feature, 0, 0x7fff_ffff, 'a feature')));
  }

  /** The pending system error (SError). KVM_GET_VCPU_EVENTS, api.rst 4.31. arm64, Cap.VcpuEvents. */
  getVcpuEvents(into?: KvmVcpuEvents): KvmVcpuEvents {
    return this.read(abi.KVM_GET_VCPU_EVENTS, into);
  }

  /**
   * Makes a system error (SError) pending or, with `extDabtPending`, a synchronous abort for an access to no device.
   * KVM_SET_VCPU_EVENTS, api.rst 4.32. arm64, Cap.VcpuEvents; Cap.ArmInjectSerrorEsr, Cap.ArmInjectExtDabt.
   */
  setVcpuEvents(events: StructInit<KvmVcpuEvents>): void {
    this.write(abi.KVM_SET_VCPU_EVENTS, events);
  }

  /**
   * Makes the guest stop for a debugger. At a stop, `run` returns with `ExitReason.Debug`, whose `debug.arch` has the
   * syndrome and the watched address. Each call replaces all earlier settings; without options the guest is not
   * debugged. KVM_SET_GUEST_DEBUG, api.rst 4.87. arm64, Cap.SetGuestDebug.
   */
  setGuestDebug(options: GuestDebugOptions = {}): void {
    this.write(abi.KVM_SET_GUEST_DEBUG, guestDebug(options));
  }
}

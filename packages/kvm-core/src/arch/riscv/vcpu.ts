import type { KvmRun } from '../../abi/riscv/index.js';
import * as abi from '../../abi/riscv/index.js';
import { withGroups } from '../../ioctl/groups.js';
import { restoreParts, savedParts } from '../../state/parts.js';
import type { NewPart, SavedState } from '../../state/saved-state.js';
import { VcpuSaving } from '../../state/vcpu-saving.js';
import { boolean } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import { namedRegister } from '../../vcpu/named-register.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { riscv } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';
import { CoreReg, Csr } from './register-ids.js';
import { vcpuStateParts } from './vcpu-state.js';

/** A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. */
export class Vcpu extends /* @__PURE__ */ withGroups(GenericVcpu<Exit, KvmRun>, VcpuSaving<Exit, KvmRun>) {
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
    return new Vcpu(adoptVcpu(riscv, transferred));
  }

  /** A general register, `pc` or `mode`. KVM_GET_ONE_REG, api.rst 4.69. riscv, Cap.OneReg. */
  getCoreReg(name: keyof typeof CoreReg): bigint {
    return this.getOneReg(namedRegister(CoreReg, name, 'core register')) as bigint;
  }

  /** Sets a general register, `pc` or `mode`. KVM_SET_ONE_REG, api.rst 4.68. riscv, Cap.OneReg. */
  setCoreReg(name: keyof typeof CoreReg, value: bigint): void {
    this.setOneReg(namedRegister(CoreReg, name, 'core register'), value);
  }

  /** A control and status register of the guest's supervisor. KVM_GET_ONE_REG, api.rst 4.69. riscv, Cap.OneReg. */
  getCsr(name: keyof typeof Csr): bigint {
    return this.getOneReg(namedRegister(Csr, name, 'CSR')) as bigint;
  }

  /** Sets a control and status register of the guest's supervisor. KVM_SET_ONE_REG, api.rst 4.68. riscv, Cap.OneReg. */
  setCsr(name: keyof typeof Csr, value: bigint): void {
    this.setOneReg(namedRegister(Csr, name, 'CSR'), value);
  }

  /**
   * Makes EBREAK stop the guest for a debugger, with `ExitReason.Debug`, instead of raising an exception in the guest.
   * Without options, the guest gets the exception again. KVM_SET_GUEST_DEBUG, api.rst 4.87. riscv, Cap.SetGuestDebug.
   */
  setGuestDebug(options: { softwareBreakpoints?: boolean } = {}): void {
    const { softwareBreakpoints = false } = optionsOf(options, 'what to debug', ['softwareBreakpoints']);
    const control = boolean(softwareBreakpoints, 'softwareBreakpoints') ? abi.GuestDebug.Enable : 0;
    this.write(abi.KVM_SET_GUEST_DEBUG, { control });
  }

  protected savedParts(): NewPart[] {
    return savedParts(vcpuStateParts, this);
  }

  protected restoreParts(state: SavedState): void {
    restoreParts(vcpuStateParts, this, state);
  }
}

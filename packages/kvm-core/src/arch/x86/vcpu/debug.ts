import type { KvmDebugRegs, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u64 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import { type GuestDebugOptions, guestDebug } from '../guest-debug.js';

/** What a debugger needs of a vCPU. */
export abstract class X86VcpuDebug extends GenericVcpu<Exit, KvmRun> {
  /**
   * Makes the guest stop for a debugger, or, without options, run as it is: `run` returns with `ExitReason.Debug`,
   * whose `debug.arch` tells where and why. Each call replaces all that the one before it set. KVM_SET_GUEST_DEBUG,
   * api.rst 4.87. x86, Cap.SetGuestDebug.
   */
  setGuestDebug(options: GuestDebugOptions = {}): void {
    this.write(abi.KVM_SET_GUEST_DEBUG, guestDebug(options));
  }

  /** The guest's own debug registers. KVM_GET_DEBUGREGS, api.rst 4.33. x86, Cap.DebugRegs. */
  getDebugRegs(into?: KvmDebugRegs): KvmDebugRegs {
    return this.read(abi.KVM_GET_DEBUGREGS, into);
  }

  /** Sets the guest's own debug registers. KVM_SET_DEBUGREGS, api.rst 4.34. x86, Cap.DebugRegs. */
  setDebugRegs(registers: StructInit<KvmDebugRegs>): void {
    this.write(abi.KVM_SET_DEBUGREGS, registers);
  }

  /**
   * Where a linear address of the guest leads, by its segment-less paging of now: a guest-physical address, or
   * undefined where nothing is mapped. KVM_TRANSLATE, api.rst 4.15. x86.
   */
  translate(linearAddress: bigint): bigint | undefined {
    const translation = abi.KvmTranslation.from({ linearAddress: u64(linearAddress, 'a linear address') });
    const { valid, physicalAddress } = this.read(abi.KVM_TRANSLATE, translation);
    return valid === 0 ? undefined : physicalAddress;
  }
}

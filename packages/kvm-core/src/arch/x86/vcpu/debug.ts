import type { KvmDebugRegs, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { u64 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import { type GuestDebugOptions, guestDebug } from '../guest-debug.js';

/** The calls for debugging the guest of a vCPU. */
export abstract class X86VcpuDebug extends GenericVcpu<Exit, KvmRun> {
  /**
   * Makes the guest stop for a debugger. At a stop, `run` returns with `ExitReason.Debug`, whose `debug.arch` has the
   * place and the cause. Each call replaces all earlier settings; without options the guest is not debugged.
   * KVM_SET_GUEST_DEBUG, api.rst 4.87. x86, Cap.SetGuestDebug.
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
   * Translates a linear address of the guest to a guest-physical one, with its current page tables and without
   * segments; undefined if the address is not mapped. KVM_TRANSLATE, api.rst 4.15. x86.
   */
  translate(linearAddress: bigint): bigint | undefined {
    const translation = abi.KvmTranslation.from({ linearAddress: u64(linearAddress, 'a linear address') });
    const { valid, physicalAddress } = this.read(abi.KVM_TRANSLATE, translation);
    return valid === 0 ? undefined : physicalAddress;
  }
}

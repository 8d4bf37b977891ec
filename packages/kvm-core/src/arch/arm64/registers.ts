import type { KvmRun } from '../../abi/arm64/index.js';
import { namedRegister } from '../../vcpu/named-register.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { CoreReg, type CoreRegName, type VectorRegName } from './core-regs.js';
import type { Exit } from './exit.js';
import { SysReg, type SysRegName } from './sys-regs.js';

/** The value of a core register: 16 bytes for a vector register, a bigint for all others. */
export type CoreRegValue<N extends CoreRegName> = N extends VectorRegName ? Uint8Array : bigint;

/** The calls of a vCPU for registers by name. */
export abstract class ArmVcpuRegisters extends GenericVcpu<Exit, KvmRun> {
  /** A core register. The vCPU must have been initialised. KVM_GET_ONE_REG, api.rst 4.69. arm64, Cap.OneReg. */
  getCoreReg<N extends CoreRegName>(name: N): CoreRegValue<N> {
    return this.getOneReg(namedRegister(CoreReg, name, 'core register')) as CoreRegValue<N>;
  }

  /**
   * Sets a core register: `pc`, `sp`, `x0`, `pstate`, `v0` and so on. KVM_SET_ONE_REG, api.rst 4.68. arm64, Cap.OneReg.
   *
   * @param value 16 bytes for a vector register; a number of 32 bits for `fpsr` and `fpcr`, of 64 bits for all others.
   */
  setCoreReg<N extends CoreRegName>(name: N, value: CoreRegValue<N>): void {
    this.setOneReg(namedRegister(CoreReg, name, 'core register'), value);
  }

  /** A system register. KVM_GET_ONE_REG, api.rst 4.69. arm64, Cap.OneReg. */
  getSysReg(name: SysRegName): bigint {
    return this.getOneReg(namedRegister(SysReg, name, 'system register')) as bigint;
  }

  /**
   * Sets a system register. Registers that identify the processor accept only values that the host allows.
   * KVM_SET_ONE_REG, api.rst 4.68. arm64, Cap.OneReg.
   */
  setSysReg(name: SysRegName, value: bigint): void {
    this.setOneReg(namedRegister(SysReg, name, 'system register'), value);
  }
}

import type { KvmRun } from '../../abi/arm64/index.js';
import { namedRegister } from '../../vcpu/named-register.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { CoreReg, type CoreRegName, type VectorRegName } from './core-regs.js';
import type { Exit } from './exit.js';
import { SysReg, type SysRegName } from './sys-regs.js';

/** The value of a core register: the vector registers have 16 bytes, all others are numbers. */
export type CoreRegValue<N extends CoreRegName> = N extends VectorRegName ? Uint8Array : bigint;

/** The registers of a vCPU, by their names. */
export abstract class ArmVcpuRegisters extends GenericVcpu<Exit, KvmRun> {
  /** A core register. The vCPU must have been initialised. KVM_GET_ONE_REG, api.rst 4.69. arm64, Cap.OneReg. */
  getCoreReg<N extends CoreRegName>(name: N): CoreRegValue<N> {
    return this.getOneReg(namedRegister(CoreReg, name, 'core register')) as CoreRegValue<N>;
  }

  /**
   * Sets a core register: `pc`, `sp`, `x0`; `pstate` and `v0` too. KVM_SET_ONE_REG, api.rst 4.68. arm64, Cap.OneReg.
   *
   * @param value 16 bytes for a vector register, else a number of 64 bits; of 32 for `fpsr` and `fpcr`.
   */
  setCoreReg<N extends CoreRegName>(name: N, value: CoreRegValue<N>): void {
    this.setOneReg(namedRegister(CoreReg, name, 'core register'), value);
  }

  /** A system register. KVM_GET_ONE_REG, api.rst 4.69. arm64, Cap.OneReg. */
  getSysReg(name: SysRegName): bigint {
    return this.getOneReg(namedRegister(SysReg, name, 'system register')) as bigint;
  }

  /**
   * Sets a system register; those that identify the processor take only what the host allows. KVM_SET_ONE_REG, api.rst
   * 4.68. arm64, Cap.OneReg.
   */
  setSysReg(name: SysRegName, value: bigint): void {
    this.setOneReg(namedRegister(SysReg, name, 'system register'), value);
  }
}

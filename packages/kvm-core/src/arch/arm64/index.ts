import * as abi from '../../abi/arm64/index.js';
import { namesOf } from '../names.js';

export * from '../../abi/arm64/index.js';
export * from '../common/exports.js';
export { CoreReg, type CoreRegName } from './core-regs.js';
export type { Exit } from './exit.js';
export { ccsidrReg, FirmwareReg, TimerReg } from './firmware-regs.js';
export type { GuestDebugOptions, HardwareBreakpoint } from './guest-debug.js';
export { type ArmIrq, irqNumber } from './irq-number.js';
export { Kvm } from './kvm.js';
export { type MachineType, machineType } from './machine-type.js';
export type { CoreRegValue } from './registers.js';
export { SysReg, type SysRegName } from './sys-regs.js';
export { Vcpu, type VcpuInit } from './vcpu.js';
export { Vm } from './vm.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);

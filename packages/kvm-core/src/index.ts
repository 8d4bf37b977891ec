import * as abi from './abi/x86/index.js';
import { namesOf } from './names.js';
import type { HandlerContext, HandlersOf, HandlerTypes } from './start/handlers.js';
import type { Exit } from './x86/exits.js';
import type { Vcpu } from './x86/vcpu/vcpu.js';
import type { Vm } from './x86/vm/vm.js';

export * from './abi/x86/index.js';
export * from './generic.js';
export { type CpuidBit, CpuidFeature } from './x86/cpuid/features.js';
export { CpuidTable } from './x86/cpuid/table.js';
export { type Exit, type IoExit, MmioAccess } from './x86/exits.js';
export type { GuestDebugOptions, HardwareBreakpoint } from './x86/guest-debug.js';
export type { IoAccess } from './x86/io-access.js';
export { Kvm } from './x86/kvm.js';
export { Lapic, LapicRegister } from './x86/lapic.js';
export type { MsrFilter, MsrRange } from './x86/msr-filter.js';
export type { ReadMsrs, WrittenMsrs } from './x86/msrs.js';
export type { SevLaunch, SevSecret } from './x86/sev/launch.js';
export type { SevPacket, SevReceive, SevSend } from './x86/sev/migration.js';
export type { Sev, SnpFinish, SnpPages } from './x86/sev/sev.js';
export type { SynchronisedRegisters } from './x86/sync-regs.js';
export type { Tdx, TdxVcpu, TdxVm } from './x86/tdx.js';
export { Vcpu } from './x86/vcpu/vcpu.js';
export type { PmuEventFilter } from './x86/vm/pmu.js';
export { Vm } from './x86/vm/vm.js';
export type { XenHvmConfig } from './x86/vm/xen.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);

/** The exports of a module of handlers for `vm.start`: `export default { ... } satisfies Handlers<Talk>` checks them in one place. */
export type Handlers<T extends HandlerTypes = HandlerTypes> = HandlersOf<
  Exit,
  typeof abi.ExitReason,
  HandlerContext<Vm, Vcpu, T>
>;

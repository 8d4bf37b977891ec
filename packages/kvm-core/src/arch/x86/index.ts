import * as abi from '../../abi/x86/index.js';
import type { HandlerContext, HandlersOf, HandlerTypes } from '../../threads/handlers.js';
import { namesOf } from '../names.js';
import type { Exit } from './exit.js';
import type { Vcpu } from './vcpu/vcpu.js';
import type { Vm } from './vm/vm.js';

export * from '../../abi/x86/index.js';
export * from '../common/exports.js';
export { type CpuidBit, CpuidFeature } from './cpuid/features.js';
export type { GuestCpuidOptions } from './cpuid/guest.js';
export { CpuidTable } from './cpuid/table.js';
export { type Exit, type IoExit, MmioAccess } from './exit.js';
export type { GuestDebugOptions, HardwareBreakpoint } from './guest-debug.js';
export type { IoAccess } from './io-access.js';
export { Kvm } from './kvm.js';
export { Lapic, LapicRegister } from './lapic.js';
export { addressLimit, enterMode, type Mode, type ModeSetup, modes, tablesSize } from './mode.js';
export type { MsrFilter, MsrRange } from './msr-filter.js';
export type { ReadMsrs, WrittenMsrs } from './msrs.js';
export { identityMap, identityMapSize } from './paging.js';
export { Cr0, Cr4, Efer, PageFlag, Rflags, SegmentType } from './registers.js';
export { type Segment, segments } from './segments.js';
export type { SevLaunch, SevSecret } from './sev/launch.js';
export type { SevPacket, SevReceive, SevSend } from './sev/migration.js';
export type { Sev, SnpFinish, SnpPages } from './sev/sev.js';
export type { SynchronisedRegisters } from './sync-regs.js';
export type { Tdx, TdxVcpu, TdxVm } from './tdx.js';
export { Vcpu } from './vcpu/vcpu.js';
export type { PmuEventFilter } from './vm/pmu.js';
export { Vm } from './vm/vm.js';
export type { XenHvmConfig } from './vm/xen.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);

/** The default export of a handler module for `vm.start`: `export default { ... } satisfies Handlers<Talk>`. */
export type Handlers<T extends HandlerTypes = HandlerTypes> = HandlersOf<
  Exit,
  typeof abi.ExitReason,
  HandlerContext<Vm, Vcpu, T>
>;

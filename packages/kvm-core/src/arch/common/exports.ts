/** The exports that are the same on every architecture. */

export type { ArgumentOf, Capability, FdKind, ForeignIoctl, Ioctl, IoctlArgument } from '../../abi/ioctl.js';
export type { BackendName } from '../../backend/backend.js';
export {
  type BackendAttempt,
  type BackendChoice,
  backendNames,
  defaultBackend,
  tryBackend,
} from '../../backend/select.js';
export {
  errnoName,
  KvmError,
  type KvmErrorCode,
  type KvmErrorDetails,
  type KvmErrorJson,
} from '../../errors/kvm-error.js';
export type { Attribute, AttributeData } from '../../ioctl/attributes.js';
export { KvmFd } from '../../ioctl/kvm-fd.js';
export type { SharedSlot, SharedVm } from '../../ioctl/shared-vm.js';
export { Stats } from '../../ioctl/stats.js';
export type { Statistic } from '../../ioctl/stats-layout.js';
export type { MemoryOptions } from '../../memory/allocation.js';
export { DirtyLog } from '../../memory/dirty-log.js';
export { GuestMemfd } from '../../memory/guest-memfd.js';
export { GuestMemory } from '../../memory/guest-memory.js';
export { pageSize } from '../../memory/page-size.js';
export type { SharedGuestMemory } from '../../memory/shared-memory.js';
export {
  type PartNotes,
  SavedState,
  type StateHeader,
  type StateKind,
  type StatePart,
} from '../../state/saved-state.js';
export { VcpuSaving } from '../../state/vcpu-saving.js';
export { type RestoredVm, VmSaving } from '../../state/vm-saving.js';
export type { StructArray } from '../../struct/array.js';
export { FlexStruct, type FlexStructType } from '../../struct/flex.js';
export { type FieldInit, Struct, type StructInit, type StructSource, type StructType } from '../../struct/struct.js';
export { Capabilities, type CapabilityState } from '../../system/capabilities.js';
export { GenericKvm } from '../../system/kvm.js';
export type { KvmOptions } from '../../system/open.js';
export type { HandlerContext, HandlersOf, HandlerTypes } from '../../threads/handlers.js';
export type { Ending } from '../../threads/protocol.js';
export type { Running, StartOptions, StopOptions, VcpuOutcome } from '../../threads/start.js';
export { VmStart } from '../../threads/vm-start.js';
export { type CoalescedAccess, CoalescedRing } from '../../vcpu/coalesced-ring.js';
export type { RunOptions } from '../../vcpu/deadline.js';
export { type DirtyPage, DirtyRing } from '../../vcpu/dirty-ring.js';
export { type AnyExit, type MmioExit, type UnrecognisedExit, unrecognised } from '../../vcpu/exit-views.js';
export { type KickHandle, kick } from '../../vcpu/kick.js';
export type { TransferredVcpu } from '../../vcpu/transfer.js';
export { GenericVcpu } from '../../vcpu/vcpu.js';
export { Device } from '../../vm/device.js';
export { Epoll, EpollEvent } from '../../vm/epoll.js';
export { EventFd, type SharedEventFd } from '../../vm/event-fd.js';
export type {
  AdapterRoute,
  GsiRoute,
  HvSintRoute,
  IrqChipRoute,
  MsiMessage,
  MsiRoute,
  XenEvtchnRoute,
} from '../../vm/gsi-route.js';
export type { UserMemoryRegion2 } from '../../vm/guest-memfd.js';
export type { IrqfdConfig } from '../../vm/interrupts.js';
export type { CoalescedZone, IoeventfdConfig } from '../../vm/io-events.js';
export type { UserMemoryRegion } from '../../vm/memory.js';
export { GenericVm } from '../../vm/vm.js';

export { bootFlat, defaultLoadAddress, type FlatOptions, type FlatPlan, planFlat } from './boot/flat.js';
export { MmioBus } from './bus/mmio-bus.js';
export { PioBus } from './bus/pio-bus.js';
export type { AccessSize, Registers } from './bus/registers.js';
export { DebugExit, type DebugExitOptions, type DebugExitState } from './devices/debug-exit.js';
export { type BusRange, checkVersion, type Device, type DeviceState } from './devices/device.js';
export { InterruptLine } from './devices/interrupt-line.js';
export type { Outcome } from './devices/outcome.js';
export { com1, Uart, type UartOptions, type UartState } from './devices/uart/uart.js';
export { Devices } from './machine/devices.js';
export { reserveHostPages } from './machine/host-pages.js';
export { Machine, type MachineOptions } from './machine/machine.js';
export { GuestRam } from './memory/guest-ram.js';
export { lowMemoryEnd, mapRam } from './memory/memory-map.js';
export { describeExit } from './run/describe-exit.js';
export { ExitCounts } from './run/exit-counts.js';
export { ExitDispatcher, type RunOptions } from './run/exit-dispatcher.js';
export { runVcpu } from './run/run-vcpu.js';
export * as aml from './x86/acpi/aml/index.js';
export type { Resource } from './x86/acpi/aml/resource.js';
export {
  type AcpiDevice,
  type InterruptOverride,
  type Platform,
  type PowerButton,
  sleepTypeOff,
} from './x86/acpi/platform.js';
export { type AcpiTables, acpiTables } from './x86/acpi/tables.js';
export { cpuFeatures } from './x86/cpu/feature-names.js';
export { type GuestCpuOptions, guestCpuid } from './x86/cpu/guest-cpuid.js';
export type { CpuTemplate, LeafMask, MsrMask, RegisterMask, Unsigned } from './x86/cpu/template.js';
export { setTemplateMsrs } from './x86/cpu/template-msrs.js';
export { cpuTemplates } from './x86/cpu/templates.js';

export { type ByteSource, bytesSource, fileSource } from './boot/byte-source.js';
export { MmioBus } from './bus/mmio-bus.js';
export { PioBus } from './bus/pio-bus.js';
export { type Register, RegisterFile } from './bus/register-file.js';
export type { AccessSize, Registers } from './bus/registers.js';
export { DebugExit, type DebugExitOptions, type DebugExitState } from './devices/debug-exit.js';
export { type BusRange, checkVersion, type Device, type DeviceState } from './devices/device.js';
export { InterruptLine } from './devices/interrupt-line.js';
export type { Outcome } from './devices/outcome.js';
export { com1, Uart, type UartOptions, type UartState } from './devices/uart/uart.js';
export type { Balloon, BalloonStats } from './machine/balloon.js';
export type { Console } from './machine/console.js';
export type { DeviceContext } from './machine/device-context.js';
export { Devices } from './machine/devices.js';
export type {
  BalloonModel,
  CpuModel,
  DeviceModule,
  DiskOptions,
  FlatBoot,
  FwCfgFiles,
  IdMap,
  IdRange,
  LinuxBoot,
  MachineDocument,
  PasstOptions,
  RngModel,
  ShareOptions,
  SocketOptions,
  TapOptions,
  VsockModel,
} from './machine/document.js';
export { Machine } from './machine/machine.js';
export { checkMachine, type MachineOptions, type RestoreOptions } from './machine/options.js';
export { readMachine } from './machine/read-machine.js';
export type { MachineStats } from './machine/vcpu-stats.js';
export { GuestRam } from './memory/guest-ram.js';
export { lowMemoryEnd, mapRam } from './memory/memory-map.js';
export { describeExit } from './run/describe-exit.js';
export { ExitCounts } from './run/exit-counts.js';
export { ExitDispatcher, type RunOptions } from './run/exit-dispatcher.js';
export { runVcpu } from './run/run-vcpu.js';
export type { Vsock, VsockConnection, VsockListener } from './virtio/vsock/vsock.js';
export * as aml from './x86/acpi/aml/index.js';
export type { Resource } from './x86/acpi/aml/resource.js';
export {
  type AcpiDevice,
  type GenerationId,
  type InterruptOverride,
  type Platform,
  type PowerButton,
  sleepTypeOff,
} from './x86/acpi/platform.js';
export { type AcpiTables, acpiTables } from './x86/acpi/tables.js';
export { boot } from './x86/boot/boot.js';
export { bootFlat, defaultLoadAddress, type FlatOptions, type FlatPlan, planFlat } from './x86/boot/flat.js';
export type {
  BootEntry,
  BootEnvironment,
  BootModule,
  BootPlan,
  BootProtocol,
  BootSegment,
  LinuxImage,
  SetupDataItem,
} from './x86/boot/plan.js';
export { planBoot } from './x86/boot/plan-boot.js';
export { defaultCommandLine, flat, linux } from './x86/boot-options.js';
export { cpuFeatures } from './x86/cpu/feature-names.js';
export { type GuestCpuOptions, guestCpuid } from './x86/cpu/guest-cpuid.js';
export type { CpuTemplate, LeafMask, MsrMask, RegisterMask, Unsigned } from './x86/cpu/template.js';
export { setTemplateMsrs } from './x86/cpu/template-msrs.js';
export { cpuTemplates } from './x86/cpu/templates.js';
export {
  FixedAcpi,
  type FixedAcpiOptions,
  type FixedAcpiState,
  fixedHardware,
} from './x86/devices/acpi/fixed-hardware.js';
export {
  HardwareReducedAcpi,
  type HardwareReducedAcpiOptions,
  type HardwareReducedAcpiState,
  hardwareReduced,
} from './x86/devices/acpi/hardware-reduced.js';
export { PmTimer, type PmTimerOptions, type PmTimerState, pmTimerFrequency } from './x86/devices/acpi/pm-timer.js';
export { FwCfg, type FwCfgOptions, type FwCfgState } from './x86/devices/fw-cfg/fw-cfg.js';
export type { FwCfgItems } from './x86/devices/fw-cfg/items.js';
export { I8042, type I8042Options, type I8042State } from './x86/devices/i8042/i8042.js';
export { IoApic, type IoApicOptions, type IoApicState, ioApic } from './x86/devices/ioapic/ioapic.js';
export { Pvpanic, type PvpanicOptions, type PvpanicState } from './x86/devices/pvpanic.js';
export { ResetControl, type ResetControlState } from './x86/devices/reset-control.js';
export { Rtc, type RtcOptions, type RtcState } from './x86/devices/rtc/rtc.js';
export { TestDevice, type TestDeviceOptions, type TestDeviceState } from './x86/devices/test-device.js';
export { reserveHostPages } from './x86/host-pages.js';

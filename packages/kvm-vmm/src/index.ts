export { type ByteSource, bytesSource, fileSource } from './boot/byte-source.js';
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

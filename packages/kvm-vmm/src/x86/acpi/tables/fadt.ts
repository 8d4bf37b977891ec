import { join, littleEndian } from '../aml/bytes.js';
import type { CheckedPlatform } from '../check-platform.js';
import { table } from './header.js';

const revision = 6;
const size = 276;
const headerSize = 36;

/** Offsets of fields; `x` are the generic addresses of the registers that have a port, too. ACPI 6.5, 5.2.9. */
const Field = {
  firmwareCtrl: 36,
  dsdt: 40,
  sci: 46,
  pm1Event: { block: 56, length: 88, x: 148 },
  pm1Control: { block: 64, length: 89, x: 172 },
  pmTimer: { block: 76, length: 91, x: 208 },
  level2Latency: 96,
  level3Latency: 98,
  century: 108,
  bootFlags: 109,
  flags: 112,
  resetRegister: 116,
  resetValue: 128,
  xDsdt: 140,
  sleepControl: 244,
  sleepStatus: 256,
} as const;

const BootFlag = { legacyDevices: 1, i8042: 2, noVga: 4, noRtc: 0x20 } as const;
const Flag = {
  /** WBINVD works. */
  wbinvd: 1 << 0,
  /** All processors have C1. */
  c1: 1 << 2,
  /** The buttons are not in the fixed registers: they are devices, or not there. */
  powerButtonDevice: 1 << 4,
  sleepButtonDevice: 1 << 5,
  /** The real-time clock does not wake the machine. */
  noRtcStatus: 1 << 6,
  timerHas32Bits: 1 << 8,
  resetRegister: 1 << 10,
  hardwareReduced: 1 << 20,
} as const;
/** Where a PC's real-time clock has the century. */
const centuryRegister = 0x32;
/** A state of a processor that takes longer than this does not exist. */
const noLevel2 = 101;
const noLevel3 = 1001;

export function fadt(platform: CheckedPlatform, facs: bigint, dsdt: bigint): Uint8Array {
  const bytes = new Uint8Array(size);
  const put = (offset: number, value: number | bigint, width: number): void => {
    bytes.set(littleEndian(value, width), offset);
  };
  const registers = (
    field: { block: number; length: number; x: number },
    port: number,
    width: number,
    access: 2 | 4,
  ) => {
    put(field.block, port, 4);
    put(field.length, width, 1);
    bytes.set(ioRegister(port, width, access), field.x);
  };
  const { hardwareReduced, pm1, pmTimerPort, reset, sleep } = platform;
  put(Field.firmwareCtrl, facs, 4);
  put(Field.dsdt, dsdt, 4);
  put(Field.xDsdt, dsdt, 8);
  put(Field.level2Latency, noLevel2, 2);
  put(Field.level3Latency, noLevel3, 2);
  if (pm1 !== undefined) {
    put(Field.sci, platform.sci, 2);
    registers(Field.pm1Event, pm1.eventPort, 4, 2);
    registers(Field.pm1Control, pm1.controlPort, 2, 2);
  }
  if (pmTimerPort !== undefined) registers(Field.pmTimer, pmTimerPort, 4, 4);
  if (reset !== undefined) {
    bytes.set(ioRegister(reset.port, 1, 1), Field.resetRegister);
    put(Field.resetValue, reset.value, 1);
  }
  if (sleep !== undefined) {
    bytes.set(ioRegister(sleep.controlPort, 1, 1), Field.sleepControl);
    bytes.set(ioRegister(sleep.statusPort, 1, 1), Field.sleepStatus);
  }
  if (platform.rtc === true) put(Field.century, centuryRegister, 1);
  put(Field.bootFlags, bootFlags(platform), 2);
  const buttons = hardwareReduced ? Flag.powerButtonDevice | Flag.sleepButtonDevice : Flag.sleepButtonDevice;
  const flags =
    Flag.wbinvd |
    Flag.c1 |
    Flag.noRtcStatus |
    buttons |
    (pmTimerPort === undefined ? 0 : Flag.timerHas32Bits) |
    (reset === undefined ? 0 : Flag.resetRegister) |
    (hardwareReduced ? Flag.hardwareReduced : 0);
  put(Field.flags, flags, 4);
  return table('FACP', revision, bytes.subarray(headerSize));
}

/** What the guest must not look for. */
function bootFlags({ hardwareReduced, i8042 = false, vga = false, rtc = false }: CheckedPlatform): number {
  return (
    (hardwareReduced ? 0 : BootFlag.legacyDevices) |
    (i8042 ? BootFlag.i8042 : 0) |
    (vga ? 0 : BootFlag.noVga) |
    (rtc ? 0 : BootFlag.noRtc)
  );
}

/** A generic address: a register of `width` bytes among the I/O ports. */
function ioRegister(port: number, width: number, access: 1 | 2 | 4): Uint8Array {
  const io = 1;
  return join(io, width * 8, 0, { 1: 1, 2: 2, 4: 3 }[access], littleEndian(port, 8));
}

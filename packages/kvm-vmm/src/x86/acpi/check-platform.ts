import { KvmError } from '@kvm/core';
import { boolean, integer, optionsOf, u8, u32, u64 } from '@kvm/core/struct';
import type { Platform } from './platform.js';

/** The entries of more do not fit below 1 MiB. */
const mostProcessors = 8192;

/** A platform whose values are checked, apart from those of its lists. */
export type CheckedPlatform = Platform &
  Required<Pick<Platform, 'hardwareReduced' | 'devices' | 'overrides' | 'pics'>> & {
    readonly ioApic: Required<NonNullable<Platform['ioApic']>>;
    readonly sci: number;
  };

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT`, `ERR_KVM_OUT_OF_RANGE`. */
export function checkPlatform(platform: Platform): CheckedPlatform {
  const given = optionsOf(platform, 'the platform', [
    'cpus',
    'ioApic',
    'hardwareReduced',
    'devices',
    'reset',
    'sleep',
    'pm1',
    'pmTimerPort',
    'powerButton',
    'generationId',
    'overrides',
    'ecam',
    'pics',
    'rtc',
    'i8042',
    'vga',
  ]);
  const { hardwareReduced = true, devices = [], overrides = [], pm1, sleep, powerButton } = given;
  const { pics = !hardwareReduced } = given;
  integer(given.cpus, 1, mostProcessors, 'the number of processors');
  boolean(hardwareReduced, 'hardwareReduced');
  boolean(pics, 'pics');
  if (hardwareReduced && pics) throw invalid('hardware-reduced ACPI has no PICs');
  for (const key of ['rtc', 'i8042', 'vga'] as const) boolean(given[key] ?? false, key);
  if (!Array.isArray(devices) || !Array.isArray(overrides)) throw invalid('devices and overrides must be arrays');
  if (hardwareReduced === (pm1 !== undefined)) {
    throw invalid('pm1 is for ACPI that is not hardware-reduced, which needs it');
  }
  if (!hardwareReduced && (sleep !== undefined || powerButton !== undefined)) {
    throw invalid('sleep and powerButton are for hardware-reduced ACPI; the registers of pm1 have both');
  }
  checkRegisters(given);
  const {
    id = 0,
    address = 0xfec0_0000,
    gsiBase = 0,
  } = optionsOf(given.ioApic ?? {}, 'the I/O APIC', ['id', 'address', 'gsiBase']);
  const ioApic = {
    id: u8(id, 'the id of the I/O APIC'),
    address: u32(address, 'the address of the I/O APIC'),
    gsiBase: u32(gsiBase, 'the first GSI'),
  };
  return { ...given, hardwareReduced, devices, overrides, pics, ioApic, sci: integer(pm1?.sci ?? 9, 1, 15, 'the SCI') };
}

function checkRegisters({ reset, sleep, pm1, powerButton, generationId, pmTimerPort, ecam }: Platform): void {
  if (generationId !== undefined) {
    const { address, mask = 0x40 } = optionsOf(generationId, 'the generation ID', ['address', 'mask']);
    if (u64(address, 'the address of the generation ID') % 8n !== 0n) {
      throw invalid('the address of the generation ID must be a multiple of 8');
    }
    integer(mask, 1, 0xffff_ffff, 'the bits of the generation ID');
    if (powerButton === undefined) throw invalid('a generation ID needs the events of powerButton');
  }
  if (ecam !== undefined) {
    const { start, buses } = optionsOf(ecam, 'the configuration space of PCI', ['start', 'buses']);
    u64(start, 'the start of the configuration space of PCI');
    integer(buses, 1, 256, 'the number of PCI buses');
  }
  if (reset !== undefined) {
    const { port: at, value } = optionsOf(reset, 'the reset register', ['port', 'value']);
    port(at, 1);
    u8(value, 'the value that resets');
  }
  if (sleep !== undefined) {
    const { controlPort, statusPort } = optionsOf(sleep, 'the sleep registers', ['controlPort', 'statusPort']);
    port(controlPort, 1);
    port(statusPort, 1);
  }
  if (pm1 !== undefined) {
    const { eventPort, controlPort } = optionsOf(pm1, 'the registers of PM1', ['eventPort', 'controlPort', 'sci']);
    port(eventPort, 4);
    port(controlPort, 2);
  }
  if (powerButton !== undefined) {
    const known = ['gsi', 'eventsPort', 'mask'] as const;
    const { gsi, eventsPort, mask = 2 } = optionsOf(powerButton, 'the power button', known);
    u32(gsi, 'the interrupt of the power button');
    port(eventsPort, 4);
    integer(mask, 1, 0xffff_ffff, 'the bits of the power button');
  }
  if (pmTimerPort !== undefined) port(pmTimerPort, 4);
}

/** A register of `size` ports. ACPI takes port 0 for a register that is not there. */
function port(start: number, size: number): void {
  integer(start, 1, 0x1_0000 - size, 'a port of ACPI');
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}

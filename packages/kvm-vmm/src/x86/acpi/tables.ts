import { KvmError } from '@kvm/core';
import { bigInteger } from '@kvm/core/struct';
import { join, littleEndian } from './aml/bytes.js';
import { ascii } from './aml/names.js';
import { checkPlatform } from './check-platform.js';
import type { Platform } from './platform.js';
import { dsdt } from './tables/dsdt.js';
import { fadt } from './tables/fadt.js';
import { rsdp, table } from './tables/header.js';
import { madt } from './tables/madt.js';
import { mcfg } from './tables/mcfg.js';

/** Where a guest without EFI looks for the RSDP, at each multiple of 16. */
const areaStart = 0xe_0000n;
/** The generation ID and the processor's reset vector lie between here and 1 MiB. */
const areaEnd = 0xf_ffc0n;
const rsdpSize = 36n;
const facsSize = 64;

/** ACPI tables to copy into the guest's memory. */
export interface AcpiTables {
  /** The guest-physical address of the RSDP, for boot protocols that pass it on. */
  readonly rsdp: bigint;
  /** The guest-physical address of the first byte. */
  readonly start: bigint;
  readonly bytes: Uint8Array;
}

/**
 * The ACPI tables of a machine: RSDP, XSDT, FADT, MADT, DSDT, MCFG with PCI, and FACS unless it is
 * hardware-reduced. The guest's
 * memory map must not offer their addresses as free memory.
 *
 * @param start guest-physical, a multiple of 64 from 0xe_0000 to 0xf_ffff: there the guest finds them by itself.
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for tables that do not end below 1 MiB, and for numbers that ACPI does not
 *   have; `ERR_KVM_INVALID_ARGUMENT` for names and ids that are none.
 */
export function acpiTables(platform: Platform, start: bigint = areaStart): AcpiTables {
  const checked = checkPlatform(platform);
  bigInteger(start, areaStart, areaEnd - 1n, 'the start of the ACPI tables');
  if (start % 64n !== 0n) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `the ACPI tables must start at a multiple of 64, not 0x${start.toString(16)}`,
    );
  }
  let end = start;
  const parts: Uint8Array[] = [];
  const place = (bytes: Uint8Array): bigint => {
    const at = end;
    const padded = new Uint8Array(Math.ceil(bytes.length / 64) * 64);
    padded.set(bytes);
    parts.push(padded);
    end += BigInt(padded.length);
    return at;
  };
  // The RSDP is the first, and refers to the last.
  const pointer = place(new Uint8Array(Number(rsdpSize)));
  const facsAddress = checked.hardwareReduced ? 0n : place(facs());
  const fadtAddress = place(fadt(checked, facsAddress, place(dsdt(checked))));
  const madtAddress = place(madt(checked));
  const addresses = [fadtAddress, madtAddress];
  if (checked.ecam !== undefined) addresses.push(place(mcfg(checked.ecam)));
  const xsdt = place(table('XSDT', 1, join(...addresses.map((address) => littleEndian(address, 8)))));
  const bytes = join(...parts);
  bytes.set(rsdp(xsdt), Number(pointer - start));
  if (end > areaEnd) {
    const hint = checked.cpus > 1024 ? 'fewer processors' : 'fewer devices, or a lower start';
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the ACPI tables of ${bytes.length} bytes do not fit below 1 MiB`, {
      hint,
    });
  }
  return { rsdp: pointer, start, bytes };
}

/** What firmware and the guest share; the guest never finds anything in it. It has no checksum. */
function facs(): Uint8Array {
  const version = 2;
  return join(ascii('FACS'), littleEndian(facsSize, 4), new Uint8Array(24), version, new Uint8Array(facsSize - 33));
}

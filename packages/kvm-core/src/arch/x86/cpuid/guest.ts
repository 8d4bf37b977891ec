import type { KvmCpuidEntry2 } from '../../../abi/x86/index.js';
import { boolean, integer } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import type { StructInit } from '../../../struct/struct.js';
import { CpuidFeature } from './features.js';
import { CpuidTable } from './table.js';
import { setTscFrequency } from './tsc-frequency.js';

export interface GuestCpuidOptions {
  /** The APIC id of the vCPU, which is the number that `vm.createVcpu` takes; 0. */
  apicId?: number;
  /** The number of processors of the guest; 1. */
  cpus?: number;
  /** Whether the local APICs are in the kernel: after `vm.createIrqChip`, or with `Cap.SplitIrqchip`; true. */
  lapic?: boolean;
  /** The frequency of the guest's time-stamp counter in kHz, as of `vcpu.getTscKhz`. Give it only if it is constant. */
  tscKhz?: number;
}

/** What works only with a local APIC in the kernel. */
const withLapic = [
  CpuidFeature.X2apic,
  CpuidFeature.TscDeadline,
  CpuidFeature.KvmPvEoi,
  CpuidFeature.KvmPvUnhalt,
  CpuidFeature.KvmPvSendIpi,
  CpuidFeature.KvmAsyncPfInt,
];

/**
 * The CPUID of a guest, from the leaves that a host supports.
 *
 * @param hasDeadline whether the host's KVM has Cap.TscDeadlineTimer.
 */
export function guestTable(
  supported: ArrayLike<StructInit<KvmCpuidEntry2>>,
  options: GuestCpuidOptions,
  hasDeadline: boolean,
): CpuidTable {
  const {
    apicId = 0,
    cpus = 1,
    lapic = true,
    tscKhz,
  } = optionsOf(options, 'the options of guestCpuid', ['apicId', 'cpus', 'lapic', 'tscKhz']);
  boolean(lapic, 'lapic');
  const table = new CpuidTable(supported);
  table.setApicId(apicId, cpus);
  table.enable(CpuidFeature.Hypervisor);
  if (hasDeadline) table.enable(CpuidFeature.TscDeadline);
  if (!lapic) table.disable(...withLapic);
  if (tscKhz !== undefined) setTscFrequency(table, integer(tscKhz, 1, 0xffff_ffff, 'tscKhz'));
  return table;
}

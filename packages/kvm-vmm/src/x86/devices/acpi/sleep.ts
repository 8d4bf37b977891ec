import { KvmError } from '@kvm/core';
import { sleepTypeOff } from '../../acpi/platform.js';

/** The value of SLP_TYP for S5, the soft-off state. The package `\_S5` in the DSDT must name it. */
export const softOff = sleepTypeOff;

/** The ways in which ACPI ends a run. */
export type EndKind = 'power-off' | 'reboot';

/** Checks the outcome in a saved state. */
export function endOf(value: EndKind | null): EndKind | null {
  if (value === null || value === 'power-off' || value === 'reboot') return value;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'outcome must be null, "power-off" or "reboot"');
}

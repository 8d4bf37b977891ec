import { KvmError } from '@kvm/core';
import { type Aml, join } from './bytes.js';

const Prefix = { dual: 0x2e, multi: 0x2f } as const;
const segment = /^[A-Z_][A-Z0-9_]{0,3}$/;

/**
 * A path in the namespace: `\_SB.PCI0`, `^PWRB`, `_CRS`. Shorter names are padded with underscores. As a term it is a
 * reference to the object, or a call of a method without arguments.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if it is not a path of ACPI.
 */
export function path(text: string): Aml {
  const [, prefix = '', rest = ''] = /^(\\|\^*)(.*)$/s.exec(String(text)) ?? [];
  const names = rest === '' ? [] : rest.split('.');
  const valid = typeof text === 'string' && names.every((name) => segment.test(name)) && names.length <= 0xff;
  if (!valid || text === '') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${JSON.stringify(text)} is not a path in the ACPI namespace`);
  }
  const start = ascii(prefix);
  const padded = names.map((name) => ascii(name.padEnd(4, '_')));
  if (padded.length === 0) return join(start, 0);
  if (padded.length === 1) return join(start, ...padded);
  if (padded.length === 2) return join(start, Prefix.dual, ...padded);
  return join(start, Prefix.multi, padded.length, ...padded);
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

import { type CpuidBit, KvmError } from '@kvm/core';
import { unknownName } from '@kvm/core/struct';
import { cpuFeatures } from './feature-names.js';

/** Features to show and to hide. */
export interface FeatureChanges {
  readonly shown: readonly string[];
  readonly hidden: readonly string[];
}

/**
 * Reads a list such as `+avx2,-avx512f`. A later entry for the same feature replaces an earlier one.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for an entry without a sign, and for an unknown name.
 */
export function parseFeatures(text: string): FeatureChanges {
  if (typeof text !== 'string') throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'CPU features must be a string');
  const signs = new Map<string, string>();
  for (const entry of text.split(',').filter((each) => each.trim() !== '')) {
    const [, sign, name] = /^\s*([+-])(\S+)\s*$/.exec(entry) ?? [];
    if (sign === undefined || name === undefined) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${JSON.stringify(entry)} is not a change of a CPU feature`, {
        hint: 'a sign and a name: +avx2 or -avx2',
      });
    }
    const known = name.toLowerCase().replaceAll(/[-.]/g, '_');
    featureBit(known);
    signs.set(known, sign);
  }
  const those = (wanted: string) => [...signs].filter(([, sign]) => sign === wanted).map(([name]) => name);
  return { shown: those('+'), hidden: those('-') };
}

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for an unknown name, with the nearest one as a hint. */
export function featureBit(name: string): CpuidBit {
  const bit = cpuFeatures.get(name);
  if (bit !== undefined) return bit;
  const shown = String(name).slice(0, 64);
  throw unknownName(`there is no CPU feature ${shown}`, shown, [...cpuFeatures.keys()]);
}

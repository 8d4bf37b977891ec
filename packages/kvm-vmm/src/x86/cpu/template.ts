import { KvmError } from '@kvm/core';
import { bigInteger, optionsOf } from '@kvm/core/struct';
import type { CpuTemplate, LeafMask } from '../../machine/document.js';
import { featureBit } from './feature-list.js';

export type { CpuTemplate, LeafMask, MsrMask, RegisterMask } from '../../machine/document.js';

/** An unsigned integer as JSON has it: a number, or a string such as `0x8000_0001`. */
export type Unsigned = number | string;

const registers = ['eax', 'ebx', 'ecx', 'edx'] as const;

/** A mask whose numbers are checked. */
export interface Mask {
  readonly keep: bigint;
  readonly set: bigint;
}

export interface CheckedTemplate {
  readonly name: string;
  readonly requires: readonly string[];
  readonly allows: readonly string[];
  /** Whether features are hidden that neither list has. */
  readonly isClosed: boolean;
  readonly cpuid: readonly {
    readonly leaf: number;
    readonly subleaf: number | undefined;
    readonly masks: Readonly<Partial<Record<(typeof registers)[number], Mask>>>;
  }[];
  readonly msrs: readonly (Mask & { readonly index: number })[];
}

/**
 * Checks a template, which may come from a file.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` that names what is wrong.
 */
export function checkTemplate(template: CpuTemplate): CheckedTemplate {
  const known = ['name', 'requires', 'allows', 'cpuid', 'msrs'] as const;
  const { name, requires, allows, cpuid = [], msrs = [] } = optionsOf(template, 'a CPU template', known);
  if (typeof name !== 'string' || name === '') throw invalid('a CPU template must have a name');
  const features = (names: readonly string[] = [], what: string): readonly string[] => {
    for (const feature of array(names, what)) featureBit(feature);
    return names;
  };
  return {
    name,
    requires: features(requires, 'requires'),
    allows: features(allows, 'allows'),
    isClosed: requires !== undefined || allows !== undefined,
    cpuid: array(cpuid, 'cpuid').map(leafMask),
    msrs: array(msrs, 'msrs').map((each) => {
      const { index, keep, set } = optionsOf(each, 'an MSR of a CPU template', ['index', 'keep', 'set']);
      return { index: Number(unsigned(index, 32, 'the index of an MSR')), ...mask({ keep, set }, 64, 'an MSR') };
    }),
  };
}

function leafMask(each: LeafMask): CheckedTemplate['cpuid'][number] {
  const given = optionsOf(each, 'a leaf of a CPU template', ['leaf', 'subleaf', ...registers]);
  const leaf = Number(unsigned(given.leaf, 32, 'a CPUID leaf'));
  const subleaf = given.subleaf === undefined ? undefined : Number(unsigned(given.subleaf, 32, 'a CPUID subleaf'));
  const masks = registers.flatMap((register) => {
    const value = given[register];
    if (value === undefined) return [];
    const { keep, set } = optionsOf(value, `${register} of a CPU template`, ['keep', 'set']);
    return [[register, mask({ keep, set }, 32, register)] as const];
  });
  return { leaf, subleaf, masks: Object.fromEntries(masks) };
}

function mask(
  { keep, set }: { keep: Unsigned | undefined; set: Unsigned | undefined },
  bits: 32 | 64,
  what: string,
): Mask {
  return {
    keep: keep === undefined ? 2n ** BigInt(bits) - 1n : unsigned(keep, bits, `keep of ${what}`),
    set: set === undefined ? 0n : unsigned(set, bits, `set of ${what}`),
  };
}

function unsigned(value: Unsigned, bits: 32 | 64, what: string): bigint {
  const isText = typeof value === 'string' && /^(0x[0-9a-f_]{1,24}|0b[01_]{1,80}|[0-9]{1,20})$/i.test(value);
  if (!isText && !Number.isSafeInteger(value)) {
    throw invalid(`${what} must be a whole number or a string such as "0x1f", not ${JSON.stringify(value)}`);
  }
  const digits = isText ? String(value).replaceAll('_', '') : value;
  if (digits === '0x' || digits === '0b') throw invalid(`${what} has no digits`);
  return bigInteger(BigInt(digits), 0n, 2n ** BigInt(bits) - 1n, what);
}

function array<T>(value: readonly T[], what: string): readonly T[] {
  if (!Array.isArray(value)) throw invalid(`${what} of a CPU template must be an array`);
  return value;
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}

import { KvmError } from '@kvm/core';
import { integer as inRange, optionsOf } from '@kvm/core/struct';
import { type Aml, encodedLength, join, lengthPrefixed } from './bytes.js';
import { type Term, term } from './data.js';
import { path } from './names.js';

const Op = {
  name: 0x08,
  scope: 0x10,
  method: 0x14,
  region: [0x5b, 0x80],
  field: [0x5b, 0x81],
  device: [0x5b, 0x82],
  dwordField: 0x8a,
};

/** `Name (_UID, 1)`: a named value. */
export function name(at: string, value: Term): Aml {
  return join(Op.name, path(at), term(value));
}

/** `Scope (\_SB) { ... }`: objects within an existing one. */
export function scope(at: string, ...objects: readonly Aml[]): Aml {
  return lengthPrefixed([Op.scope], path(at), ...objects);
}

export function device(at: string, ...objects: readonly Aml[]): Aml {
  return lengthPrefixed(Op.device, path(at), ...objects);
}

export interface MethodOptions {
  /** The number of arguments; 0. */
  args?: number;
  /** Whether only one thread at a time may be in it. A method that creates objects must be; false. */
  serialized?: boolean;
}

export function method(at: string, options: MethodOptions, ...body: readonly Aml[]): Aml {
  const { args = 0, serialized = false } = optionsOf(options, 'the options of an AML method', ['args', 'serialized']);
  const flags = inRange(args, 0, 7, 'the number of arguments of an AML method') | (serialized ? 8 : 0);
  return lengthPrefixed([Op.method], path(at), [flags], ...body);
}

const spaces = { memory: 0, io: 1, pciConfig: 2 } as const;

/** `OperationRegion (PORT, SystemIO, 0x600, 4)`: registers that fields refer to. */
export function operationRegion(at: string, space: keyof typeof spaces, start: Term, length: Term): Aml {
  return join(Op.region, path(at), spaces[space], term(start), term(length));
}

const accessSizes = { any: 0, byte: 1, word: 2, dword: 3, qword: 4 } as const;

export interface FieldOptions {
  /** How the registers are accessed. */
  access: keyof typeof accessSizes;
  /** What a write does to the other bits of a register; `preserve`. */
  update?: 'preserve' | 'ones' | 'zeros';
}

/** Names for bits of a region, in order: their widths in bits. A unit without a name is skipped. */
export function field(
  region: string,
  options: FieldOptions,
  units: readonly (readonly [string | null, number])[],
): Aml {
  const { access, update = 'preserve' } = optionsOf(options, 'the options of an AML field', ['access', 'update']);
  const rule = { preserve: 0, ones: 1, zeros: 2 }[update];
  const elements = units.map(([unit, width]) => {
    // The width has the encoding of a PkgLength, but does not count itself.
    const bits = encodedLength(inRange(width, 1, 2 ** 28 - 1, 'the width of an AML field'));
    if (unit !== null && unit.length !== 4) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `the name of an AML field has 4 characters, not ${JSON.stringify(unit)}`,
      );
    }
    return unit === null ? join(0, bits) : join(path(unit), bits);
  });
  return lengthPrefixed(Op.field, path(region), [accessSizes[access] | (rule << 5)], ...elements);
}

/** `CreateDWordField (source, index, at)`: a name for four bytes of a buffer. */
export function dwordField(source: Term, index: Term, at: string): Aml {
  return join(Op.dwordField, term(source), term(index), path(at));
}

/** The arguments of a method of the guest's, `Arg0` to `Arg6`. */
export function arg(index: number): Aml {
  return Uint8Array.of(0x68 + inRange(index, 0, 6, 'the number of an AML argument'));
}

/** A variable of a method, `Local0` to `Local7`. */
export function local(index: number): Aml {
  return Uint8Array.of(0x60 + inRange(index, 0, 7, 'the number of a local variable in AML'));
}

/** A call of a method with arguments. */
export function call(at: string, ...args: readonly Term[]): Aml {
  return join(path(at), ...args.map(term));
}

import { KvmError } from '@kvm/core';
import { integer as inRange, u64 } from '@kvm/core/struct';
import { type Aml, join, lengthPrefixed, littleEndian } from './bytes.js';
import { ascii } from './names.js';

/** A term: AML, an integer of 64 bits, or a string. */
export type Term = Aml | number | bigint | string;

const Op = { zero: 0x00, one: 0x01, ones: 0xff, string: 0x0d, buffer: 0x11, package: 0x12 } as const;
/** The prefixes of integers, by the number of bytes that follow. */
const integerPrefixes = [
  [1, 0x0a],
  [2, 0x0b],
  [4, 0x0c],
  [8, 0x0e],
] as const;

/** The AML of a term. */
export function term(value: Term): Aml {
  if (typeof value === 'string') return string(value);
  return value instanceof Uint8Array ? value : integer(value);
}

/** An integer of up to 64 bits, in its shortest form. */
export function integer(value: number | bigint): Aml {
  const wide = u64(
    typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : (value as bigint),
    'an AML integer',
  );
  if (wide === 0n) return Uint8Array.of(Op.zero);
  if (wide === 1n) return Uint8Array.of(Op.one);
  if (wide === 2n ** 64n - 1n) return Uint8Array.of(Op.ones);
  const [size, prefix] = integerPrefixes.find(([bytes]) => wide < 2n ** BigInt(8 * bytes)) ?? integerPrefixes[3];
  return join(prefix, littleEndian(wide, size));
}

/** A string of ASCII characters from 1 to 0x7f. */
export function string(text: string): Aml {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: AML's strings may contain them.
  if (typeof text !== 'string' || !/^[\x01-\x7f]*$/.test(text)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'an AML string must consist of ASCII characters other than NUL');
  }
  return join(Op.string, ascii(text), 0);
}

export function buffer(bytes: Uint8Array): Aml {
  return lengthPrefixed([Op.buffer], integer(bytes.length), bytes);
}

/** A package of up to 255 elements. */
export function packageOf(elements: readonly Term[]): Aml {
  const count = inRange(elements.length, 0, 0xff, 'the number of elements of an AML package');
  return lengthPrefixed([Op.package], [count], ...elements.map(term));
}

/**
 * The id of a device, as `_HID` and `_CID` have it: an integer for `PNP0501` and other EISA ids, a string for
 * `ACPI0013`.
 */
export function hardwareId(id: string): Aml {
  const [, letters, digits] = /^([A-Z]{3})([0-9A-F]{4})$/.exec(String(id)) ?? [];
  if (letters === undefined || digits === undefined) return acpiId(id);
  const vendor = [...letters].reduce((sum, letter) => (sum << 5) | (letter.charCodeAt(0) - 0x40), 0);
  const product = Number.parseInt(digits, 16);
  // The four bytes are stored with the highest first. The prefix is always that of 32 bits.
  return join(0x0c, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff);
}

function acpiId(id: string): Aml {
  if (typeof id !== 'string' || !/^[A-Z0-9]{4}[0-9A-F]{4}$/.test(id)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${JSON.stringify(id)} is not the id of a device`, {
      hint: 'three capital letters and four hexadecimal digits, or four and four: PNP0501, ACPI0013',
    });
  }
  return string(id);
}

/** A UUID as `_OSC` and `_DSD` have it: `5b4dd61f-...`. The first three groups are little-endian. */
export function uuid(text: string): Aml {
  if (typeof text !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${JSON.stringify(text)} is not a UUID`);
  }
  const bytes = Uint8Array.from(text.replaceAll('-', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  for (const [start, end] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const)
    bytes.subarray(start, end).reverse();
  return buffer(bytes);
}

import { fits, type IntegerName, type Integers, type IntegerType } from './integers.js';

/** A value as C sees it: an integer of a type. */
export interface Value {
  value: bigint;
  type: IntegerType;
}

/**
 * Reads an integer constant. Undefined where the text is not one (a floating-point number, an invalid suffix), null
 * where no type is wide enough.
 */
export function parseNumber(text: string, integers: Integers): Value | null | undefined {
  const match = /^(0[xX][\da-fA-F]+|0[bB][01]+|\d+)([uUlL]*)$/.exec(text);
  if (!match) return undefined;
  const [, digits = '', suffix = ''] = match;
  const octal = /^0\d/.test(digits);
  if (octal && /[89]/.test(digits)) return undefined;
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);

  // The suffix, and whether the constant is decimal, select the list of types to try in order.
  const unsigned = /^[uU]|[uU]$/.test(suffix);
  const length = suffix.replace(/^[uU]|[uU]$/, '');
  if (!['', 'l', 'L', 'll', 'LL'].includes(length)) return undefined;
  const decimal = /^[1-9]/.test(digits);
  const widths = (['int', 'long', 'long long'] as const).slice(length.length);
  const candidates = widths.flatMap((width): IntegerName[] => {
    if (unsigned) return [`unsigned ${width}`];
    return decimal ? [width] : [width, `unsigned ${width}`];
  });
  for (const name of candidates) {
    if (fits(value, integers[name])) return { value, type: integers[name] };
  }
  return null;
}

const escapes: Readonly<Record<string, number>> = {
  n: 10,
  t: 9,
  r: 13,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  e: 27,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
};

/** Reads a character constant of one plain character, which is an `int` in C. */
export function parseCharacter(text: string, integers: Integers): Value | undefined {
  const match = /^'(?:([ -&(-[\]-~])|\\(?:([0-7]{1,3})|x([\da-fA-F]{1,2})|([ntrabfve\\'"?])))'$/.exec(text);
  if (!match) return undefined;
  const [, plain, octal, hex, letter] = match;
  const code =
    plain?.charCodeAt(0) ??
    (octal === undefined ? undefined : Number.parseInt(octal, 8)) ??
    (hex === undefined ? undefined : Number.parseInt(hex, 16)) ??
    escapes[letter ?? ''] ??
    0;
  if (code > 255) return undefined;
  const value = integers.char.signed ? BigInt.asIntN(8, BigInt(code)) : BigInt(code);
  return { value, type: integers.int };
}

import type { Target } from '../model/model.js';

export type IntegerName =
  | '_Bool'
  | 'char'
  | 'signed char'
  | 'unsigned char'
  | 'short'
  | 'unsigned short'
  | 'int'
  | 'unsigned int'
  | 'long'
  | 'unsigned long'
  | 'long long'
  | 'unsigned long long'
  | '__int128'
  | 'unsigned __int128';

/** One of C's integer types. */
export interface IntegerType {
  kind: 'integer';
  /** The type itself, whatever its spelling. */
  base: IntegerName;
  /** As the header spells it: `__u32`. */
  name: string;
  size: number;
  align: number;
  signed: boolean;
  /** C's conversion rank: which of two types of the same size an expression uses. */
  rank: number;
}

export type Integers = Readonly<Record<IntegerName, IntegerType>>;

/** The integer types of a target. */
export function targetIntegers(target: Target): Integers {
  const type = (base: IntegerName, size: number, signed: boolean, rank: number, align = size): IntegerType => {
    return { kind: 'integer', base, name: base, size, align, signed, rank };
  };
  return {
    _Bool: type('_Bool', 1, false, 0),
    char: type('char', 1, target.charSigned, 1),
    'signed char': type('signed char', 1, true, 1),
    'unsigned char': type('unsigned char', 1, false, 1),
    short: type('short', 2, true, 2),
    'unsigned short': type('unsigned short', 2, false, 2),
    int: type('int', 4, true, 3),
    'unsigned int': type('unsigned int', 4, false, 3),
    long: type('long', target.wordSize, true, 4),
    'unsigned long': type('unsigned long', target.wordSize, false, 4),
    'long long': type('long long', 8, true, 5, target.longLongAlign),
    'unsigned long long': type('unsigned long long', 8, false, 5, target.longLongAlign),
    __int128: type('__int128', 16, true, 6, target.int128Align ?? 16),
    'unsigned __int128': type('unsigned __int128', 16, false, 6, target.int128Align ?? 16),
  };
}

/** In `#if`, every integer is as wide as C's widest type. */
export const preprocessorIntegers: Integers = (() => {
  const all = targetIntegers({
    triple: '',
    wordSize: 8,
    endianness: 'little',
    charSigned: true,
    longLongAlign: 8,
    int128Align: null,
    ioc: { sizeBits: 0, none: 0, write: 0, read: 0 },
  });
  const signed = all['long long'];
  const unsigned = all['unsigned long long'];
  return { ...all, int: signed, long: signed, 'unsigned int': unsigned, 'unsigned long': unsigned };
})();

/** Integer promotion: arithmetic happens in `int` or a wider type. */
export function promote(type: IntegerType, integers: Integers): IntegerType {
  return type.rank < integers.int.rank ? integers.int : type;
}

/** The common type of two operands. */
export function commonType(left: IntegerType, right: IntegerType, integers: Integers): IntegerType {
  const a = promote(left, integers);
  const b = promote(right, integers);
  if (a.signed === b.signed) return a.rank >= b.rank ? a : b;
  const [signed, unsigned] = a.signed ? [a, b] : [b, a];
  if (unsigned.rank >= signed.rank) return unsigned;
  return signed.size > unsigned.size ? signed : unsignedOf(signed, integers);
}

export function unsignedOf(type: IntegerType, integers: Integers): IntegerType {
  switch (type.base) {
    case 'long':
      return integers['unsigned long'];
    case 'long long':
      return integers['unsigned long long'];
    case '__int128':
      return integers['unsigned __int128'];
    default:
      return integers['unsigned int'];
  }
}

/** The value after a conversion to the type. */
export function convert(value: bigint, type: IntegerType): bigint {
  if (type.base === '_Bool') return value === 0n ? 0n : 1n;
  return type.signed ? BigInt.asIntN(type.size * 8, value) : BigInt.asUintN(type.size * 8, value);
}

export function fits(value: bigint, type: IntegerType): boolean {
  return convert(value, type) === value;
}

import type { IntegerName, Integers } from '../language/integers.js';
import type { CType } from '../language/types.js';
import type { Target } from '../model/model.js';

/** The types that a compiler knows without any header. */
export function builtinTypes(integers: Integers, { int128Align }: Target): [string, CType][] {
  const { size } = integers.long;
  const wide: [string, CType][] = [
    ['__int128_t', { ...integers.__int128, name: '__int128_t' }],
    ['__uint128_t', { ...integers['unsigned __int128'], name: '__uint128_t' }],
  ];
  return [
    ['void', { kind: 'void' }],
    ['float', { kind: 'float', name: 'float', size: 4, align: 4 }],
    ['double', { kind: 'float', name: 'double', size: 8, align: integers['long long'].align }],
    ...(int128Align === null ? [] : wide),
    ['__builtin_va_list', { kind: 'pointer', size, align: size }],
  ];
}

const integerWords = /^(?:signed|unsigned|char|short|int|long|__int128|_Bool)$/;

/** The integer type that words such as `long unsigned int` name; undefined where they name none. */
export function readIntegerWords(text: string): IntegerName | undefined {
  const words = text.split(/\s+/);
  if (!words.every((word) => integerWords.test(word))) return undefined;
  const count = (word: string): number => words.filter((other) => other === word).length;
  const unsigned = count('unsigned') > 0;
  const rest = words.filter((word) => word !== 'signed' && word !== 'unsigned' && word !== 'int').sort();
  if (count('signed') + count('unsigned') > 1 || count('int') > 1) return undefined;

  switch (rest.join(' ')) {
    case '':
      return unsigned ? 'unsigned int' : 'int';
    case 'short':
      return unsigned ? 'unsigned short' : 'short';
    case 'long':
      return unsigned ? 'unsigned long' : 'long';
    case 'long long':
      return unsigned ? 'unsigned long long' : 'long long';
  }
  if (count('int') > 0) return undefined;
  switch (rest.join(' ')) {
    case 'char':
      return unsigned ? 'unsigned char' : count('signed') > 0 ? 'signed char' : 'char';
    case '__int128':
      return unsigned ? 'unsigned __int128' : '__int128';
    case '_Bool':
      return words.length === 1 ? '_Bool' : undefined;
    default:
      return undefined;
  }
}

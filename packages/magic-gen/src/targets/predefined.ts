import type { TargetDescription } from './target.js';

/**
 * What a GNU C compiler for the target defines before the first line, as a header text of its own. Only what kernel
 * headers ask about; the proof that nothing they ask about is missing is that a compiler agrees with the result.
 */
export function predefinedMacros(description: TargetDescription): string {
  const { wordSize, endianness, charSigned, int128Align } = description.target;
  const macros: Record<string, string> = {
    __STDC__: '1',
    __STDC_VERSION__: '201710L',
    __STDC_HOSTED__: '1',
    __GNUC__: '12',
    __GNUC_MINOR__: '2',
    __linux__: '1',
    __linux: '1',
    __unix__: '1',
    __gnu_linux__: '1',
    __ELF__: '1',
    __CHAR_BIT__: '8',
    __SIZEOF_SHORT__: '2',
    __SIZEOF_INT__: '4',
    __SIZEOF_LONG__: `${wordSize}`,
    __SIZEOF_LONG_LONG__: '8',
    __SIZEOF_POINTER__: `${wordSize}`,
    __SIZEOF_SIZE_T__: `${wordSize}`,
    __SIZE_TYPE__: wordSize === 8 ? 'long unsigned int' : 'unsigned int',
    __ORDER_LITTLE_ENDIAN__: '1234',
    __ORDER_BIG_ENDIAN__: '4321',
    __BYTE_ORDER__: endianness === 'little' ? '1234' : '4321',
    ...(wordSize === 8 ? { __LP64__: '1', _LP64: '1' } : { __ILP32__: '1' }),
    ...(int128Align === null ? {} : { __SIZEOF_INT128__: '16' }),
    ...(charSigned ? {} : { __CHAR_UNSIGNED__: '1' }),
    ...description.macros,
  };
  return Object.entries(macros)
    .map(([name, value]) => `#define ${name} ${value}\n`)
    .join('');
}

import { integer } from '@kvm/core/struct';

/** Encoded AML: a term, an object, or several of them in a row. */
export type Aml = Uint8Array;

/** AML packages have lengths of up to 28 bits. */
const longestPackage = 2 ** 28 - 1;

export function join(...parts: readonly (ArrayLike<number> | number)[]): Uint8Array {
  const bytes = new Uint8Array(
    parts.reduce<number>((sum, part) => sum + (typeof part === 'number' ? 1 : part.length), 0),
  );
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'number') bytes[at++] = part;
    else {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

/** A value in `size` bytes, the lowest first. */
export function littleEndian(value: number | bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt(value);
  for (let i = 0; i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** An opcode whose contents follow a PkgLength: a scope, a buffer, an If. ACPI 6.5, 20.2.4. */
export function lengthPrefixed(opcode: readonly number[], ...contents: readonly ArrayLike<number>[]): Aml {
  const body = join(...contents);
  return join(opcode, packageLength(body.length), body);
}

/** The PkgLength before a number of bytes. It counts itself, too. */
export function packageLength(contents: number): Uint8Array {
  const own = [1, 2, 3].find((size) => encodedLength(contents + size).length === size) ?? 4;
  return encodedLength(contents + own);
}

/**
 * A length in the encoding of PkgLength. Up to 63 it is one byte; otherwise the first byte has the lowest 4 bits and
 * the number of bytes that follow.
 */
export function encodedLength(length: number): Uint8Array {
  integer(length, 0, longestPackage, 'the length of an AML package');
  if (length < 2 ** 6) return Uint8Array.of(length);
  const followers = length < 2 ** 12 ? 1 : length < 2 ** 20 ? 2 : 3;
  return join((followers << 6) | (length & 0xf), littleEndian(length >>> 4, followers));
}

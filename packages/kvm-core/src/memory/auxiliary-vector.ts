/** The file with the auxiliary vector that the kernel passed to this process. */
export const auxiliaryVector = '/proc/self/auxv';

/** The kinds of entries: `AT_PAGESZ` and `AT_RANDOM` of elf.h. */
export const AuxiliaryEntry = {
  PageSize: 6n,
} as const;

/** The value of an entry, or undefined. The auxiliary vector consists of pairs of 64-bit words: a kind and a value. */
export function auxiliaryValue(vector: Uint8Array, entry: bigint): number | undefined {
  // Not `slice`, which does not copy a Buffer: its memory may be shared with other Buffers.
  const { buffer } = new Uint8Array(vector);
  const words = new BigUint64Array(buffer, 0, Math.floor(vector.length / 8));
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === entry) return Number(words[i + 1]);
  }
  return undefined;
}

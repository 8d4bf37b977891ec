/** Where the kernel shows a process what it told it at its start. */
export const auxiliaryVector = '/proc/self/auxv';

/** The kernel's number of an entry: `AT_PAGESZ` of elf.h. */
export const AuxiliaryEntry = {
  PageSize: 6n,
} as const;

/** The value of an entry in an auxiliary vector, pairs of 64-bit words, a kind and a value; undefined where the vector does not say. */
export function auxiliaryValue(vector: Uint8Array, entry: bigint): number | undefined {
  // Not by `slice`, which of a Buffer is a view of what it shares with others.
  const { buffer } = new Uint8Array(vector);
  const words = new BigUint64Array(buffer, 0, Math.floor(vector.length / 8));
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === entry) return Number(words[i + 1]);
  }
  return undefined;
}

import { readFileSync } from 'node:fs';

/** What the kernel calls the entry of the auxiliary vector that has the page size: `AT_PAGESZ` of elf.h. */
const pageSizeEntry = 6n;

/**
 * The page size in an auxiliary vector, as `/proc/self/auxv` shows it: pairs of 64-bit words, a kind and a value.
 *
 * @returns bytes, or undefined where the vector does not say.
 */
export function pageSizeIn(vector: Uint8Array): number | undefined {
  // Not by `slice`, which of a Buffer is a view of what it shares with others.
  const { buffer } = new Uint8Array(vector);
  const words = new BigUint64Array(buffer, 0, Math.floor(vector.length / 8));
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === pageSizeEntry) return Number(words[i + 1]);
  }
  return undefined;
}

function hostPageSize(): number {
  // Where nobody tells, the largest: what is whole pages of it is so of smaller ones, and the other way round memory would be lost.
  const largest = 65536;
  try {
    return pageSizeIn(readFileSync('/proc/self/auxv')) ?? largest;
  } catch {
    return largest;
  }
}

/** The unit in which memory is given to a guest, in bytes: the host's page, which on arm64 may have 4, 16 or 64 KiB. */
export const pageSize = hostPageSize();

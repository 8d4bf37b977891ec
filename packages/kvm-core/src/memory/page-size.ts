import { readFileSync } from 'node:fs';

/** What the kernel calls the entry of the auxiliary vector that has the page size: `AT_PAGESZ` of elf.h. */
const pageSizeEntry = 6n;

/**
 * The page size in an auxiliary vector, as `/proc/self/auxv` shows it: pairs of 64-bit words, a kind and a value.
 *
 * @returns bytes, or undefined where the vector does not say.
 */
export function pageSizeIn(vector: Uint8Array): number | undefined {
  const words = new BigUint64Array(vector.slice().buffer, 0, Math.floor(vector.length / 8));
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === pageSizeEntry) return Number(words[i + 1]);
  }
  return undefined;
}

function hostPageSize(): number {
  const smallest = 4096;
  try {
    return pageSizeIn(readFileSync('/proc/self/auxv')) ?? smallest;
  } catch {
    // No Linux, or none with /proc: whoever gets to memory here hears from the kernel if this is wrong.
    return smallest;
  }
}

/** The unit in which memory is given to a guest, in bytes: the host's page, which on arm64 may have 4, 16 or 64 KiB. */
export const pageSize = hostPageSize();

import { readFileSync } from 'node:fs';
import { AuxiliaryEntry, auxiliaryValue, auxiliaryVector } from './auxiliary-vector.js';

function hostPageSize(): number {
  // Where nobody tells, the largest: what is whole pages of it is so of smaller ones, and the other way round memory would be lost.
  const largest = 65536;
  try {
    return auxiliaryValue(readFileSync(auxiliaryVector), AuxiliaryEntry.PageSize) ?? largest;
  } catch {
    return largest;
  }
}

/** The unit in which memory is given to a guest, in bytes: the host's page, which on arm64 may have 4, 16 or 64 KiB. */
export const pageSize = hostPageSize();

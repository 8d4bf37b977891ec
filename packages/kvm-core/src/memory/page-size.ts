import { readFileSync } from 'node:fs';
import { AuxiliaryEntry, auxiliaryValue, auxiliaryVector } from './auxiliary-vector.js';

function hostPageSize(): number {
  // If the size is unknown, assume the largest: a multiple of it is a multiple of every smaller page size.
  const largest = 65536;
  try {
    return auxiliaryValue(readFileSync(auxiliaryVector), AuxiliaryEntry.PageSize) ?? largest;
  } catch {
    return largest;
  }
}

/** The unit of guest memory in bytes: the host's page size, which on arm64 may be 4, 16 or 64 KiB. */
export const pageSize = hostPageSize();

import { readFileSync } from 'node:fs';

/** The bytes of a guest of the repository's `guests/` folder. */
export function guestImage(name: string): Uint8Array {
  return readFileSync(new URL(`../../../guests/${name}.bin`, import.meta.url));
}

import { rmSync } from 'node:fs';
import { cacheDirectory } from '../cache.js';

/** Removes all that was downloaded and made. */
export function clean(): void {
  rmSync(cacheDirectory(), { recursive: true, force: true });
}

import { rmSync } from 'node:fs';
import { cacheDirectory } from '../cache.js';

/** Removes everything from the cache. */
export function clean(): void {
  rmSync(cacheDirectory(), { recursive: true, force: true });
}

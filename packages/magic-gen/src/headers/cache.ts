import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Where downloaded and unpacked files are kept. It may be deleted at any time. */
export function cacheDirectory(): string {
  const named = process.env['XDG_CACHE_HOME'];
  // The specification of that variable says to ignore relative paths.
  const base = named !== undefined && isAbsolute(named) ? named : join(homedir(), '.cache');
  return join(base, 'magic-gen');
}

/** A temporary folder inside the cache, removed when the work is done. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(cacheDirectory(), 'scratch');
  mkdirSync(parent, { recursive: true });
  removeLeftovers(parent);
  const folder = mkdtempSync(join(parent, 'run-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes what killed processes left behind. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (changed !== undefined && Date.now() - changed > day) rmSync(path, { recursive: true, force: true });
  }
}

export const day = 24 * 60 * 60 * 1000;

/**
 * Moves a finished file or folder to its place atomically, so that nobody ever sees a partial one. If another process
 * was faster, its result stays: the two are equal.
 */
export function moveIntoPlace(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
    rmSync(from, { recursive: true, force: true });
  }
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

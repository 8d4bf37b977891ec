import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative } from 'node:path';

/** The folder for downloaded and unpacked files. It may be deleted at any time. */
export function cacheDirectory(): string {
  const named = process.env['XDG_CACHE_HOME'];
  // The specification of this variable says that a relative path is ignored.
  const base = named !== undefined && isAbsolute(named) ? named : join(homedir(), '.cache');
  return join(base, 'kvm-lab');
}

/** Creates a temporary folder inside the cache and removes it when the work is done. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(cacheDirectory(), 'scratch');
  mkdirSync(parent, { recursive: true });
  sweep(parent);
  const folder = mkdtempSync(join(parent, `${process.pid}-`));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes the temporary folders of processes that were killed. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!isAlive(Number(name.split('-')[0]))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const manifest = 'manifest.json';

/**
 * A folder of the cache that is made once. `make` fills a temporary folder, which is renamed when it is complete, with
 * a list of its contents. A folder that does not match its list is made again.
 */
export async function cachedFolder(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDirectory(), name);
  if (isWhole(folder)) return folder;
  await withScratch(async (scratch) => {
    const fresh = join(scratch, 'fresh');
    mkdirSync(fresh);
    await make(fresh);
    writeFileSync(join(fresh, manifest), JSON.stringify(sizes(fresh)));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    try {
      renameSync(fresh, folder);
    } catch (error) {
      // Another lab was faster, and its result is the same.
      if (!isWhole(folder)) throw error;
    }
  });
  return folder;
}

/** Whether all files of the folder still exist with their lengths. */
export function isWhole(folder: string): boolean {
  try {
    const expected: unknown = JSON.parse(readFileSync(join(folder, manifest), 'utf8'));
    return JSON.stringify(sizes(folder)) === JSON.stringify(expected);
  } catch {
    return false;
  }
}

function sizes(folder: string): Record<string, number> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== manifest)
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  return Object.fromEntries(files.map((path) => [relative(folder, path), statSync(path).size]));
}

export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

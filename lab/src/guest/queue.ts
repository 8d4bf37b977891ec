import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Creates one file for each test file, with its path, in a folder that machines share. The machine that removes a file
 * owns it.
 */
export function put(folder: string, files: readonly string[]): void {
  for (const [index, file] of files.entries()) writeFileSync(join(folder, String(index).padStart(5, '0')), file);
}

/** The number of files that nobody has taken. */
export function waiting(folder: string): number {
  return readdirSync(folder).length;
}

/** Takes the files in their order, except for those that others have taken. */
export function* take(folder: string): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    const file = remove(join(folder, name));
    if (file !== undefined) yield file;
  }
}

/** Removes a file and returns its contents; undefined if another machine was first. */
function remove(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    unlinkSync(path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

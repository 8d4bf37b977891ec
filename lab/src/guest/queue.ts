import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Puts test files into a folder that machines share: a file each, with the path in it. Whoever removes it has it. */
export function put(folder: string, files: readonly string[]): void {
  for (const [index, file] of files.entries()) writeFileSync(join(folder, String(index).padStart(5, '0')), file);
}

/** How many there are that nobody has taken. */
export function waiting(folder: string): number {
  return readdirSync(folder).length;
}

/** Takes one after the other, in their order, but for those that others have taken by then. */
export function* take(folder: string): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    const file = remove(join(folder, name));
    if (file !== undefined) yield file;
  }
}

/** What a file says that is gone now; undefined where another machine was first. */
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

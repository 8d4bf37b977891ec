import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files of a folder that are not as they should be: changed, missing, or there without a reason. */
export interface Difference {
  file: string;
  state: 'changed' | 'missing' | 'surplus';
}

/** How a folder differs from the files it should hold. */
export function compare(folder: string, files: ReadonlyMap<string, string>): Difference[] {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const wanted = [...files].flatMap(([file, content]): Difference[] => {
    if (!present.includes(file)) return [{ file, state: 'missing' }];
    return readFileSync(join(folder, file), 'utf8') === content ? [] : [{ file, state: 'changed' }];
  });
  const surplus = present.filter((file) => !files.has(file)).map((file): Difference => ({ file, state: 'surplus' }));
  return [...wanted, ...surplus];
}

/** Puts the files in the place of a folder: the new ones stand complete before the old ones go, so a failure changes nothing. */
export function replace(folder: string, files: ReadonlyMap<string, string>): void {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    for (const [file, content] of files) writeFileSync(join(fresh, file), content);
    mkdirSync(dirname(folder), { recursive: true });
    const old = `${folder}.old`;
    rmSync(old, { recursive: true, force: true });
    if (existsSync(folder)) renameSync(folder, old);
    renameSync(fresh, folder);
    rmSync(old, { recursive: true, force: true });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
}

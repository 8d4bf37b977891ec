import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { signature } from '../emit/source.js';
import { MagicGenError } from '../errors.js';
import { modelBeginning } from './format.js';

/** A file of a folder that is not as it should be: changed, missing, or surplus. */
export interface Difference {
  file: string;
  state: 'changed' | 'missing' | 'surplus';
}

/** How a folder differs from the files it should hold. */
export function compare(folder: string, files: ReadonlyMap<string, string>): Difference[] {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const wanted = [...files].flatMap(([file, content]): Difference[] => {
    if (!present.includes(file)) return [{ file, state: 'missing' }];
    return textOf(join(folder, file)) === content ? [] : [{ file, state: 'changed' }];
  });
  const surplus = present.filter((file) => !files.has(file)).map((file): Difference => ({ file, state: 'surplus' }));
  return [...wanted, ...surplus];
}

/** Undefined for what is not a file. */
function textOf(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : undefined;
}

/** What folders should hold: the text of each file by name, by the folder's path. */
export type Folders = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Replaces folders as a whole. All new files are written before the first old folder is moved away, and if one folder
 * cannot be replaced, those already replaced are restored. A failure therefore changes nothing.
 *
 * @throws MagicGenError where a folder holds something that magic-gen did not write.
 */
export function replaceAll(folders: Folders): void {
  const places = [...folders].map(([folder, files]) => ({ place: resolve(folder), files }));
  for (const { place } of places) refuseForeign(place);
  const staged: Staged[] = [];
  const swapped: Staged[] = [];
  try {
    for (const { place, files } of places) staged.push(stage(place, files));
    for (const each of staged) {
      swapIn(each);
      swapped.push(each);
    }
  } catch (error) {
    for (const each of swapped.reverse()) restore(each);
    throw error;
  } finally {
    for (const { workspace } of staged) rmSync(workspace, { recursive: true, force: true });
  }
}

/** The new contents of a folder, and where the old ones go in the meantime. */
interface Staged {
  place: string;
  workspace: string;
  fresh: string;
  old: string;
}

function stage(place: string, files: ReadonlyMap<string, string>): Staged {
  mkdirSync(dirname(place), { recursive: true });
  // Beside the folder: a rename cannot cross file systems.
  const workspace = mkdtempSync(join(dirname(place), '.magic-gen-'));
  const staged = { place, workspace, fresh: join(workspace, 'new'), old: join(workspace, 'old') };
  try {
    mkdirSync(staged.fresh);
    for (const [file, content] of files) writeFileSync(join(staged.fresh, file), content);
  } catch (error) {
    rmSync(workspace, { recursive: true, force: true });
    throw error;
  }
  return staged;
}

function swapIn({ place, fresh, old }: Staged): void {
  if (existsSync(place)) renameSync(place, old);
  try {
    renameSync(fresh, place);
  } catch (error) {
    if (existsSync(old)) renameSync(old, place);
    throw error;
  }
}

function restore({ place, fresh, old }: Staged): void {
  renameSync(place, fresh);
  if (existsSync(old)) renameSync(old, place);
}

function refuseForeign(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new MagicGenError(`${folder} is not a folder`);
  const foreign = readdirSync(folder).find((file) => !isOurs(file, textOf(join(folder, file)) ?? ''));
  if (foreign === undefined) return;
  throw new MagicGenError(`${folder} holds ${foreign}, which magic-gen did not write: give it a folder of its own`);
}

/** JSON has no comments for a signature; a model is recognized by how it begins. */
function isOurs(file: string, text: string): boolean {
  return file.endsWith('.json') ? text.startsWith(modelBeginning) : text.includes(signature);
}

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
import { MagicGenError } from '../errors.js';
import { signature } from './source.js';

/** Where this repository keeps the ABI of an architecture. A published magic-gen has no such place. */
export function committedAbi(arch: string): string {
  const core = join(import.meta.dirname, '..', '..', '..', 'kvm-core');
  if (!existsSync(core))
    throw new MagicGenError('outside its repository, magic-gen must be told where to write: --out DIR');
  return join(core, 'src', 'abi', arch);
}

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
    return textOf(join(folder, file)) === content ? [] : [{ file, state: 'changed' }];
  });
  const surplus = present.filter((file) => !files.has(file)).map((file): Difference => ({ file, state: 'surplus' }));
  return [...wanted, ...surplus];
}

/** Undefined for what is no file. */
function textOf(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : undefined;
}

/** What `--check` says of a folder that is not as it should be. */
export function describe(folder: string, differences: readonly Difference[], kernel: string): string {
  const texts = differences.map(({ file }) => textOf(join(folder, file)) ?? '');
  const committed = texts
    .map((text) => /headers of Linux (\S+)/.exec(text)?.[1])
    .find((kernel) => kernel !== undefined);
  const list = differences.map(({ file, state }) => `${file} (${state})`).join(', ');
  const why =
    committed !== undefined && committed !== kernel
      ? `it comes from Linux ${committed}, and these headers are those of ${kernel}: \`--headers DIR\` names others`
      : 'run `pnpm gen`';
  return `${folder} is not what the headers say: ${list}; ${why}`;
}

/**
 * Puts the files in the place of a folder: the new ones stand complete before the old ones go, so a failure changes nothing.
 *
 * @throws MagicGenError where the folder holds something that magic-gen did not write.
 */
export function replace(folder: string, files: ReadonlyMap<string, string>): void {
  const place = resolve(folder);
  refuseForeign(place);
  mkdirSync(dirname(place), { recursive: true });
  // Beside the folder, for a rename cannot leave its file system.
  const workspace = mkdtempSync(join(dirname(place), '.magic-gen-'));
  const [fresh, old] = [join(workspace, 'new'), join(workspace, 'old')];
  try {
    mkdirSync(fresh);
    for (const [file, content] of files) writeFileSync(join(fresh, file), content);
    if (existsSync(place)) renameSync(place, old);
    try {
      renameSync(fresh, place);
    } catch (error) {
      if (existsSync(old)) renameSync(old, place);
      throw error;
    }
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

function refuseForeign(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new MagicGenError(`${folder} is no folder`);
  const foreign = readdirSync(folder).find((file) => !textOf(join(folder, file))?.includes(signature));
  if (foreign === undefined) return;
  throw new MagicGenError(`${folder} holds ${foreign}, which magic-gen did not write: give it a folder of its own`);
}

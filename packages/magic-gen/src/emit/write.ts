import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MagicGenError } from '../errors.js';

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
    return readFileSync(join(folder, file), 'utf8') === content ? [] : [{ file, state: 'changed' }];
  });
  const surplus = present.filter((file) => !files.has(file)).map((file): Difference => ({ file, state: 'surplus' }));
  return [...wanted, ...surplus];
}

/** What `--check` says of a folder that is not as it should be. */
export function describe(folder: string, differences: readonly Difference[], kernel: string): string {
  const [first] = differences.map(({ file }) => join(folder, file)).filter((path) => existsSync(path));
  const committed = first === undefined ? undefined : /headers of Linux (\S+)/.exec(readFileSync(first, 'utf8'))?.[1];
  const list = differences.map(({ file, state }) => `${file} (${state})`).join(', ');
  const why =
    committed !== undefined && committed !== kernel
      ? `it comes from Linux ${committed}, and these headers are those of ${kernel}: \`--headers DIR\` names others`
      : 'run `pnpm gen`';
  return `${folder} is not what the headers say: ${list}; ${why}`;
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

import { emit } from '../emit/emit.js';
import { MagicGenError } from '../errors.js';
import type { Interface } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { type Models, modelFiles } from './models.js';
import { placeOf } from './place.js';
import { compare, type Folders } from './write.js';

/**
 * What the repository's folders of an interface should hold: its models, and the TypeScript that is made of each.
 *
 * @param usable What of a model TypeScript can be made of.
 * @throws MagicGenError where the architectures that share theirs do not make the same.
 */
export function foldersOf(each: Interface, models: Models, usable: (model: Model) => Model): Folders {
  const place = placeOf(each);
  const sources = new Map([...models].map(([name, model]) => [name, usable(model)]));
  const kept = [place.models, modelFiles(each, models)] as const;
  if (each.shared) return new Map([kept, [place.abi(), sharedFiles(each, sources)]]);
  return new Map([
    kept,
    ...[...sources].map(([name, model]) => [place.abi(name), emit(model, { runtime: each.runtime })] as const),
  ]);
}

/** The one TypeScript of several architectures. */
function sharedFiles({ name, runtime, shared }: Interface, models: Models): ReadonlyMap<string, string> {
  const made = [...models.values()].map((model) => emit(dateless(model), { runtime, architectures: shared ?? [] }));
  for (const [index, arch] of [...models.keys()].entries()) {
    const differing = [...(made[index] ?? [])].find(([file, text]) => made[0]?.get(file) !== text)?.[0];
    if (differing === undefined && made[index]?.size === made[0]?.size) continue;
    throw new MagicGenError(
      `the TypeScript of ${name} is not the same for ${arch} as for ${shared?.[0]}${differing ? ` (${differing})` : ''}: interfaces.json says that they share it`,
    );
  }
  const [first] = models.values();
  return first ? emit(first, { runtime, architectures: shared ?? [] }) : new Map();
}

/** Of each architecture other kernels are known; that makes no difference but in comments. */
function dateless(model: Model): Model {
  return { ...model, knownKernels: [] };
}

/** Says, a line each, which folders are not what they should be, and how. */
export function describeDifferences(folders: Folders): string[] {
  return [...folders].flatMap(([folder, files]) => {
    const differences = compare(folder, files);
    if (differences.length === 0) return [];
    return [`${folder}: ${differences.map(({ file, state }) => `${file} (${state})`).join(', ')}`];
  });
}

/** Those folders that are not what they should be. */
export function changed(folders: Folders): Folders {
  return new Map([...folders].filter(([folder, files]) => compare(folder, files).length > 0));
}

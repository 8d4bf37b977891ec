import { commonOf, emitCommon } from '../emit/common.js';
import { emit } from '../emit/emit.js';
import { MagicGenError } from '../errors.js';
import type { Interface } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { type Models, modelFiles } from './models.js';
import { placeOf } from './place.js';
import { compare, type Folders } from './write.js';

/**
 * What the repository's folders of an interface should hold: its models, and the TypeScript made from each.
 *
 * @param usable Returns the part of a model that TypeScript can be made of.
 * @throws MagicGenError where architectures that share their TypeScript would get different text.
 */
export function foldersOf(each: Interface, models: Models, usable: (model: Model) => Model): Folders {
  const place = placeOf(each);
  const sources = new Map([...models].map(([name, model]) => [name, usable(model)]));
  const kept = [place.models, modelFiles(each, models)] as const;
  if (each.shared) return new Map([kept, [place.abi(), sharedFiles(each, sources)]]);
  const { runtime } = each;
  const { files, names } = emitCommon([...sources.values()], { runtime });
  return new Map([
    kept,
    [place.abi(commonFolder), files],
    ...[...sources].map(([name, model]) => {
      const common = { names: commonOf(model, names), folder: `../${commonFolder}` };
      return [place.abi(name), emit(model, { runtime, common })] as const;
    }),
  ]);
}

/** The folder of what architectures with folders of their own have in common. */
const commonFolder = 'generic';

/** The one TypeScript that several architectures share. */
function sharedFiles({ name, runtime, shared }: Interface, models: Models): ReadonlyMap<string, string> {
  const made = [...models.values()].map((model) => emit(withoutDates(model), { runtime, architectures: shared ?? [] }));
  for (const [index, arch] of [...models.keys()].entries()) {
    const differing = [...(made[index] ?? [])].find(([file, text]) => made[0]?.get(file) !== text)?.[0];
    if (differing === undefined && made[index]?.size === made[0]?.size) continue;
    const where = differing ? ` (${differing})` : '';
    throw new MagicGenError(
      `the TypeScript of ${name} for ${arch} differs from that for ${shared?.[0]}${where}: ` +
        'interfaces.json says that they share it',
    );
  }
  const [first] = models.values();
  return first ? emit(first, { runtime, architectures: shared ?? [] }) : new Map();
}

/** The known kernels differ between architectures, which changes nothing but comments. */
function withoutDates(model: Model): Model {
  return { ...model, knownKernels: [] };
}

/** One line for each folder that is not as it should be, with the differences. */
export function describeDifferences(folders: Folders): string[] {
  return [...folders].flatMap(([folder, files]) => {
    const differences = compare(folder, files);
    if (differences.length === 0) return [];
    return [`${folder}: ${differences.map(({ file, state }) => `${file} (${state})`).join(', ')}`];
  });
}

/** The folders that are not as they should be. */
export function changed(folders: Folders): Folders {
  return new Map([...folders].filter(([folder, files]) => compare(folder, files).length > 0));
}

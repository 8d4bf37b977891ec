import type { Interface } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { type Models, modelFiles } from './models.js';
import { placeOf } from './place.js';
import { compare, type Folders } from './write.js';

/** What the repository's folders of an interface should hold: its models, and the TypeScript that is made of each. */
export function foldersOf(
  each: Interface,
  models: Models,
  typeScript: (model: Model) => ReadonlyMap<string, string>,
): Folders {
  const place = placeOf(each);
  return new Map([
    [place.models, modelFiles(models)],
    ...[...models].map(([name, model]) => [place.abi(name), typeScript(model)] as const),
  ]);
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

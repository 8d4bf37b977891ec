import { join } from 'node:path';
import { withHistory } from '../history/model.js';
import { type Interface, targetsOf } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { readModel } from '../model/read.js';
import { formatModel } from './format.js';
import { placeOf } from './place.js';

/** The models of an interface, by target name. Their history is not in them: it has files of its own. */
export type Models = ReadonlyMap<string, Model>;

/** The committed models, with their history. @throws MagicGenError where there are none, or one is broken. */
export function committedModels(each: Interface): Models {
  const { models } = placeOf(each);
  return new Map(
    committedNames(each).map((name): [string, Model] => [name, withHistory(readModel(join(models, `${name}.json`)))]),
  );
}

/** The files of the committed models by name, without history. */
export function modelFiles(each: Interface, models: Models): Map<string, string> {
  return new Map(
    committedNames(each).flatMap((name): [string, string][] => {
      const model = models.get(name);
      return model ? [[`${name}.json`, formatModel(withoutHistory(model))]] : [];
    }),
  );
}

/** Where architectures share their TypeScript, it is made from the first one's model, and only that model is kept. */
function committedNames(each: Interface): string[] {
  const names = targetsOf(each).map(({ name }) => name);
  return each.shared ? names.slice(0, 1) : names;
}

function withoutHistory(model: Model): Model {
  return JSON.parse(
    JSON.stringify(model, (key, value) => (key === 'since' || key === 'knownKernels' ? undefined : value)),
  );
}

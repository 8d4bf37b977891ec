import type { HeaderSet } from '../headers/find.js';
import { headersOf } from '../headers/several.js';
import { type HeaderSource, headersFrom } from '../headers/source.js';
import { withHistory } from '../history/model.js';
import { type Interface, rootsIn } from '../interfaces/interfaces.js';
import { buildModel } from '../model/build.js';
import type { Model } from '../model/model.js';
import type { Progress } from '../progress.js';
import type { TargetDescription } from '../targets/index.js';

/** The model of an interface for one target, with its history. */
export async function modelFrom(
  source: HeaderSource,
  target: TargetDescription,
  each: Interface,
  progress: Progress,
): Promise<Model> {
  return modelOf(await headersFrom(source, target, progress), target, each, progress);
}

function modelOf(headers: HeaderSet, target: TargetDescription, each: Interface, progress: Progress): Model {
  progress.step(`${target.name}: reading the headers of Linux ${headers.kernel} (${each.name})`);
  return withHistory(buildModel(headers, target, rootsIn(headers, each, target)));
}

/**
 * The models of an interface for several targets.
 *
 * @param list Names separated by commas, or "all", which leaves out the targets that the source lacks.
 * @throws NoHeadersError where the source lacks a named target, or has none at all.
 */
export async function modelsFrom(
  source: HeaderSource,
  list: string,
  each: Interface,
  progress: Progress,
): Promise<{ target: TargetDescription; model: Model }[]> {
  const models: { target: TargetDescription; model: Model }[] = [];
  const headersFor = async (target: TargetDescription): Promise<HeaderSet> => {
    const headers = await headersFrom(source, target, progress);
    rootsIn(headers, each, target);
    return headers;
  };
  for await (const { target, headers } of headersOf(list, headersFor)) {
    models.push({ target, model: modelOf(headers, target, each, progress) });
  }
  return models;
}

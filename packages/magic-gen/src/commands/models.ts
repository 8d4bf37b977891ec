import { NoHeadersError } from '../errors.js';
import { type HeaderSource, headersFrom } from '../headers/source.js';
import { withHistory } from '../history/model.js';
import { buildModel } from '../model/build.js';
import type { Model } from '../model/model.js';
import type { Progress } from '../progress.js';
import { findTargets, type TargetDescription } from '../targets/index.js';

/** The model of what a source has for a target, with what is known of its history. */
export async function modelFrom(source: HeaderSource, target: TargetDescription, progress: Progress): Promise<Model> {
  const headers = await headersFrom(source, target, progress);
  progress.step(`${target.name}: reading the headers of Linux ${headers.kernel}`);
  return withHistory(buildModel(headers, target));
}

/**
 * The models of several targets.
 *
 * @param list Names with commas between them, or "all": then those that the source does not have are left out.
 * @throws NoHeadersError where it has none of them.
 */
export async function modelsFrom(
  source: HeaderSource,
  list: string,
  progress: Progress,
): Promise<{ target: TargetDescription; model: Model }[]> {
  const models: { target: TargetDescription; model: Model }[] = [];
  let lacking: NoHeadersError | undefined;
  for (const target of findTargets(list)) {
    try {
      models.push({ target, model: await modelFrom(source, target, progress) });
    } catch (error) {
      if (list !== 'all' || !(error instanceof NoHeadersError)) throw error;
      lacking ??= error;
    }
  }
  if (models.length === 0 && lacking) throw lacking;
  return models;
}

import { MagicGenError } from '../errors.js';
import type { Model } from '../model/model.js';
import { compareChanges, type Diff } from './change.js';
import { diffConstants, diffFunctions, diffIoctls } from './names.js';
import { diffRecords } from './records.js';

/**
 * What changed from one model to another.
 *
 * @throws MagicGenError where the two are of different targets: a comparison would mean nothing.
 */
export function diffModels(a: Model, b: Model): Diff {
  if (a.arch !== b.arch || a.target.triple !== b.target.triple) {
    throw new MagicGenError(`these models are of different targets: ${a.target.triple} and ${b.target.triple}`);
  }
  const changes = [diffIoctls, diffConstants, diffRecords, diffFunctions].flatMap((diff) => diff(a, b));
  return { arch: a.arch, triple: a.target.triple, from: a.kernel, to: b.kernel, changes: changes.sort(compareChanges) };
}

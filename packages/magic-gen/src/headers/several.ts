import { NoHeadersError } from '../errors.js';
import { findTargets, type TargetDescription, targets } from '../targets/index.js';
import type { HeaderSet } from './find.js';

export interface SeveralOptions {
  /** What "all" stands for. */
  all?: readonly TargetDescription[];
  /** Called for each target that is left out, with the reason. */
  lacking?(target: TargetDescription, reason: NoHeadersError): void;
}

/**
 * The headers of several targets, one after the other.
 *
 * @param list Names with commas between them, or "all": then those targets that have no headers are left out.
 * @throws NoHeadersError where a target that was named has none, or where none is left: then the first one's.
 */
export async function* headersOf(
  list: string,
  headers: (target: TargetDescription) => HeaderSet | Promise<HeaderSet>,
  { all = targets, lacking }: SeveralOptions = {},
): AsyncGenerator<{ target: TargetDescription; headers: HeaderSet }> {
  const mayLack = list === 'all';
  const reasons: NoHeadersError[] = [];
  const wanted = mayLack ? all : findTargets(list);
  for (const target of wanted) {
    let found: HeaderSet;
    try {
      found = await headers(target);
    } catch (error) {
      if (!mayLack || !(error instanceof NoHeadersError)) throw error;
      reasons.push(error);
      lacking?.(target, error);
      continue;
    }
    yield { target, headers: found };
  }
  const [first] = reasons;
  if (first && reasons.length === wanted.length) throw first;
}

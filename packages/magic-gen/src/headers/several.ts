import { NoHeadersError } from '../errors.js';
import { findTargets, type TargetDescription, targets } from '../targets/index.js';
import type { HeaderSet } from './find.js';

export interface SeveralOptions {
  /** The targets that "all" stands for. */
  all?: readonly TargetDescription[];
  /** Called for each target that is left out, with the reason. */
  lacking?(target: TargetDescription, reason: NoHeadersError): void;
}

/**
 * The headers of several targets, one after the other.
 *
 * @param list Names separated by commas, or "all", which leaves out the targets without headers.
 * @throws NoHeadersError where a named target has none, or where none is left: then the first one's error.
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

/** What a list of ratios says: robust against the odd window in which the machine did something else. */
export interface Summary {
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), median: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

/** The value below which a part of the sorted ones lies, between neighbours where it must. */
export function quantile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) throw new RangeError('there is no quantile of nothing');
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

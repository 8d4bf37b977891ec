/** A summary of ratios that is robust against a few windows in which the machine was busy. */
export interface Summary {
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), median: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

/** The value below which a fraction of the sorted values lies, interpolated between neighbours. */
export function quantile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) throw new RangeError('an empty list has no quantile');
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

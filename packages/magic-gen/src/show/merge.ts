/** A row of a table that stands side by side: the cell of each column, or none. */
export interface MergedRow<T> {
  key: string;
  cells: (T | undefined)[];
}

/**
 * Brings the rows of several columns into one order: each column's own, and what only a later one has stands behind
 * what it follows there.
 */
export function mergeRows<T extends { key: string }>(columns: readonly (readonly T[])[]): MergedRow<T>[] {
  const order: string[] = [];
  for (const rows of columns) {
    const firstKnown = rows.find(({ key }) => order.includes(key));
    let at = firstKnown ? order.indexOf(firstKnown.key) : order.length;
    for (const { key } of rows) {
      const found = order.indexOf(key);
      if (found >= 0) at = Math.max(at, found + 1);
      else order.splice(at++, 0, key);
    }
  }
  const byKey = columns.map((rows) => new Map(rows.map((row) => [row.key, row])));
  return order.map((key) => ({ key, cells: byKey.map((rows) => rows.get(key)) }));
}

/** A row of a side-by-side table: the cell of each column, or none. */
export interface MergedRow<T> {
  key: string;
  cells: (T | undefined)[];
}

/**
 * Merges the rows of several columns into one order. Each column's own order is kept; a row that only a later column
 * has comes after the row that it follows there.
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

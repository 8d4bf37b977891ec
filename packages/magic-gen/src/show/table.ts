/** A cell, and the side of its column that it is aligned to. */
export interface Column {
  heading: string;
  align: 'left' | 'right';
}

/** A table of plain text: columns as wide as their widest cell, two spaces apart. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ heading }) => heading), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => (row[index] ?? '').length)));
  const lines = all.map((row) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? '';
        const width = widths[index] ?? 0;
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return lines
    .filter((line, index) => index > 0 || line !== '')
    .map((line) => `${line}\n`)
    .join('');
}

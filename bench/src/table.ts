import { type BackendName, backendNames } from '@kvm/core';
import type { Case } from './cases.js';
import type { Result } from './rounds/rounds.js';

/** The results of a case. */
export interface Row {
  readonly measured: Case;
  readonly results: readonly Result[];
}

/** The limit of a contender, if it has one. */
export function limitOf({ limits }: Case, contender: string): number | undefined {
  return hasLimit(contender) ? limits[contender] : undefined;
}

function hasLimit(contender: string): contender is BackendName {
  return (backendNames as readonly string[]).includes(contender);
}

/**
 * The rows as Markdown: a column for the baseline's time, and one for the ratio of each other contender with its
 * spread.
 */
export function table(rows: readonly Row[]): string {
  const others = [...new Set(rows.flatMap(({ results }) => results.slice(1).map(({ contender }) => contender)))];
  const head = [
    'what',
    'C',
    ...others.flatMap((name) => [name, 'p10 – p90', 'ns over C', ...(hasLimit(name) ? ['limit'] : [])]),
  ];
  const lines = rows.map(({ measured, results }) => [
    measured.title,
    duration(results[0]?.nanoseconds ?? Number.NaN),
    ...others.flatMap((name) => {
      const result = results.find(({ contender }) => contender === name);
      const limit = limitOf(measured, name);
      const cells =
        result === undefined
          ? ['', '', '']
          : [ratio(result.ratio.median), spread(result), result.overBaseline.toFixed(0)];
      return hasLimit(name) ? [...cells, limit === undefined ? '' : verdict(result, limit)] : cells;
    }),
  ]);
  return aligned([head, ...lines]);
}

function verdict(result: Result | undefined, limit: number): string {
  return `${limit}${result !== undefined && result.ratio.median > limit ? ' over' : ''}`;
}

function spread({ ratio: { p10, p90 } }: Result): string {
  return `${ratio(p10)} – ${ratio(p90)}`;
}

function ratio(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}

/** Formats nanoseconds for people. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e4) return `${nanoseconds.toFixed(0)} ns`;
  return nanoseconds < 1e7 ? `${(nanoseconds / 1e3).toFixed(1)} us` : `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** A Markdown table with aligned columns. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] as readonly string[]).map((_, i) =>
    Math.max(3, ...lines.map((line) => (line[i] ?? '').length)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${widths.map((width, i) => (cells[i] ?? '').padEnd(width)).join(' | ')} |`;
  const [head, ...rest] = lines as [readonly string[], ...(readonly string[])[]];
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...rest.map(row)].join('\n');
}

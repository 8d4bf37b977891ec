import { type Change, type Diff, isCompatible } from './change.js';

/** The differences as text for a terminal. */
export function formatText(diffs: readonly Diff[]): string {
  return diffs.map(textOf).join('\n');
}

function textOf(diff: Diff): string {
  const width = Math.max(0, ...diff.changes.map(({ name }) => name.length));
  const line = (change: Change): string =>
    `  ${change.change.padEnd(10)}  ${change.kind.padEnd(11)}  ${change.name.padEnd(width)}  ${detail(change)}\n`;
  const [bad, good] = split(diff);
  return [
    `${title(diff)}\n`,
    ...(bad.length > 0 ? ['incompatible\n', ...bad.map(line)] : []),
    ...(good.length > 0 ? ['compatible\n', ...good.map(line)] : []),
    `${countText(diff)}\n`,
  ].join('');
}

/** The differences as Markdown, for the description of a change. */
export function formatMarkdown(diffs: readonly Diff[]): string {
  return diffs
    .map((diff) => {
      const [bad, good] = split(diff);
      return [
        `## ${title(diff)}`,
        ...table('Incompatible', bad),
        ...table('Compatible', good),
        countText(diff),
        '',
      ].join('\n\n');
    })
    .join('\n')
    .replace(/\n+$/, '\n');
}

function table(heading: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map((change) => {
    return `| ${change.change} | ${change.kind} | \`${change.name}\` | ${detail(change).replaceAll('|', '\\|')} |`;
  });
  return [`### ${heading}`, ['| change | what | name | |', '|---|---|---|---|', ...rows].join('\n')];
}

/** The differences as JSON: a list with one object for each architecture. */
export function formatJson(diffs: readonly Diff[]): string {
  const list = diffs.map((diff) => ({ schema: 1, compatible: isCompatible(diff), ...diff }));
  return `${JSON.stringify(list, null, 2)}\n`;
}

function split({ changes }: Diff): [Change[], Change[]] {
  return [changes.filter(({ compatible }) => !compatible), changes.filter(({ compatible }) => compatible)];
}

function title({ from, to, arch, triple }: Diff): string {
  return `Linux ${from} to ${to}, ${arch} (${triple})`;
}

function countText(diff: Diff): string {
  if (diff.changes.length === 0) return 'no difference';
  const [bad, good] = split(diff);
  return `${bad.length} incompatible, ${good.length} compatible`;
}

function detail({ before, after }: Change): string {
  if (before === null) return after ?? '';
  return after === null ? `was ${before}` : `${before} -> ${after}`;
}

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as core from '../src/index.js';

const document = readFileSync(new URL('../../../docs/seed.md', import.meta.url), 'utf8');
const rows = [...document.matchAll(/^\| `([^`]+)` +\| `([\w.]+)`[^|]*\| ([^|]+)\|$/gm)].map(([, go, here, shown]) => ({
  go: go as string,
  here: here as string,
  shown: (shown as string).trim(),
}));

/**
 * The counterpart of a name in the table: an export, a method of a class, a field of a struct, a member of a group, or
 * a type as text.
 */
function counterpart(name: string): unknown {
  const [first = '', second] = name.split('.');
  const exported = (core as Record<string, unknown>)[first];
  if (second === undefined) return exported ?? typeExport(first);
  if (typeof exported !== 'function') return (exported as Record<string, unknown>)[second];
  const { prototype } = exported as { prototype: object };
  return second in prototype ? second : undefined;
}

function typeExport(name: string): string | undefined {
  const exports = ['arch/x86/index', 'arch/common/exports']
    .map((name) => readFileSync(new URL(`../src/${name}.ts`, import.meta.url), 'utf8'))
    .join('\n');
  return exports.match(new RegExp(`\\btype (?:\\{[^}]*\\b)?${name}\\b`))?.[0];
}

describe('docs/seed.md', () => {
  test('has every name of the Go package', () => {
    // 35 functions, 20 types, 6 flags, 218 capabilities, 38 exit reasons.
    expect(rows.filter(({ go }) => /^Cap[A-Z]/.test(go))).toHaveLength(218);
    expect(rows.filter(({ go }) => /^Exit[A-Z]/.test(go))).toHaveLength(38);
    expect(rows).toHaveLength(317);
    expect(rows.length).toBe(document.split('\n').filter((line) => /^\| `/.test(line)).length);
  });

  test.each(rows)('$go is $here', ({ here, shown }) => {
    expect(counterpart(here)).toBeDefined();
    if (/^\d+$/.test(shown)) {
      expect(counterpart(here)).toBe(Number(shown));
      return;
    }
    const [, file = '', title = ''] = shown.match(/\]\(\.\.\/([^)]+)\): (.+)$/) ?? [];
    expect(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')).toContain(`test('${title}'`);
  });
});

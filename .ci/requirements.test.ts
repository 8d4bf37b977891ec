import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documents } from '../vitest.examples.js';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The lowest versions, as docs/requirements.md states them. */
const lowest = new Map(
  [...read('docs/requirements.md').matchAll(/^\| ([A-Z][\w ]*\w|glibc) +\| ([\d.]+) +\|/gm)].map(
    ([, name = '', version = '']) => [name, version] as const,
  ),
);

test('the lowest versions are stated for everything that a user brings', () => {
  expect([...lowest.keys()]).toEqual(['Linux kernel', 'Node', 'Bun', 'Deno', 'TypeScript', 'glibc']);
});

test('the lowest Node is that of package.json, which every package repeats', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${lowest.get('Node')}`);
});

test('the lowest TypeScript is the one that compiles the samples', () => {
  expect(read('pnpm-workspace.yaml')).toContain(`typescript-5.7: npm:typescript@${lowest.get('TypeScript')}.`);
});

test('the lowest kernel is one of those that the labs boot', () => {
  expect(read('lab/src/commands/fetch.ts')).toContain(`'${lowest.get('Linux kernel')}'`);
});

test('no page states another lowest Node', () => {
  const wrong = documents().flatMap((path) =>
    [...read(path).matchAll(/Node (\d+[\d.]*\d) or later/g)]
      .filter(([, version]) => version !== lowest.get('Node'))
      .map(([text]) => `${path}: ${text}`),
  );
  expect(wrong).toEqual([]);
});

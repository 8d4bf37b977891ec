// The public types of each package, in api/: what a user's compiler sees, without comments.
//   node .ci/api.mjs [FOLDER]           # fails if a file of the folder does not match the built packages
//   node .ci/api.mjs --update [FOLDER]  # writes the files
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reachable } from './reachable.mjs';

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({ options: { update: { type: 'boolean' } }, allowPositionals: true });
const committed = positionals[0] ?? join(root, 'api');
const current = mkdtempSync(join(tmpdir(), 'kvm-api-'));
for (const name of readdirSync(join(root, 'packages'))) {
  const report = reportOf(join(root, 'packages', name));
  if (report !== undefined) writeFileSync(join(current, `${name}.md`), report);
}

if (values.update) {
  rmSync(committed, { recursive: true, force: true });
  mkdirSync(committed);
  for (const file of readdirSync(current)) writeFileSync(join(committed, file), readFileSync(join(current, file)));
} else {
  const { status } = spawnSync('git', ['diff', '--no-index', committed, current], { stdio: 'inherit' });
  if (status !== 0) {
    process.stdout.write('\nThe public types differ from those in api/. To record the change: npx pnpm api\n');
    process.exitCode = 1;
  }
}
rmSync(current, { recursive: true, force: true });

/** Undefined for a package without types. */
function reportOf(folder) {
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const entries = Object.entries(exports).flatMap(([entry, { types }]) =>
    types === undefined ? [] : [`- \`${join(name, entry)}\`: \`${types.replace('./dist/', '')}\``],
  );
  if (entries.length === 0) return undefined;
  const files = [...reachable(folder)].filter((file) => /\.d\.[cm]?ts$/.test(file) && !file.startsWith('dist/abi/'));
  const sections = files.sort().flatMap((file) => {
    const text = withoutComments(readFileSync(join(folder, file), 'utf8'));
    return text === '' ? [] : ['', `## ${file.replace('dist/', '')}`, '', '```ts', text, '```'];
  });
  const head = [
    `# The public types of ${name}`,
    '',
    'Written by `npx pnpm api`. The ABI is left out: its declarations are generated, and committed in `src/abi`.',
    '',
    ...entries,
  ];
  return `${[...head, ...sections].join('\n')}\n`;
}

/** The declarations of a file. What it imports follows from them. */
function withoutComments(text) {
  return text
    .replace(/^\s*\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/\n/gm, '')
    .replace(/\/\*[\s\S]*?\*\/ ?/g, '')
    .replace(/^import .*\n/gm, '')
    .replace(/^export \{\};\n/gm, '')
    .trim();
}

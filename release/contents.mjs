// What each package contains, as release/contents/NAME.txt lists it: a line for each folder, with the kinds of files.
//
//     node release/contents.mjs            writes the lists, from a checkout that is built with every addon
//     node release/contents.mjs --check    prints what differs, and fails if anything does
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { publishedPackages, root } from './packages.mjs';
import { stagePackages } from './stage.mjs';

// Of these kinds a folder may have any number.
const kinds = /(\.d\.[cm]?ts|\.[cm]?js|\.[cm]?js\.map|\.d\.[cm]?ts\.map|\.json|\.h|\.bin)$/;

/** @returns a line for each folder of a staged package: `dist/vm: *.d.ts *.js`. */
export function contentsOf(staged) {
  const folders = new Map();
  for (const file of readdirSync(staged, { recursive: true, withFileTypes: true })) {
    // A release makes the change log.
    if (!file.isFile() || file.name === 'CHANGELOG.md') continue;
    const folder = relative(staged, file.parentPath) || '.';
    const kind = kinds.exec(file.name);
    const name = folder === '.' || kind === null ? file.name : `*${kind[1]}`;
    folders.set(folder, (folders.get(folder) ?? new Set()).add(name));
  }
  return [...folders].map(([folder, names]) => `${folder}: ${[...names].sort().join(' ')}`).sort();
}

/** @returns what a staged package has too much or too little, compared with its list. */
export function differencesOf({ folder, staged }) {
  const listed = readFileSync(listOf(folder), 'utf8').trimEnd().split('\n');
  const present = contentsOf(staged);
  return [
    ...listed.filter((line) => !present.includes(line)).map((line) => `${folder}: missing: ${line}`),
    ...present.filter((line) => !listed.includes(line)).map((line) => `${folder}: not in the list: ${line}`),
  ];
}

function listOf(folder) {
  return join(root, 'release/contents', `${basename(folder)}.txt`);
}

if (process.argv[1] === import.meta.filename) {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-contents-'));
  const packages = await stagePackages(publishedPackages(), folder);
  if (process.argv.includes('--check')) {
    const differences = packages.flatMap(differencesOf);
    process.stdout.write(differences.map((line) => `${line}\n`).join(''));
    process.exitCode = differences.length > 0 ? 1 : 0;
  } else {
    for (const each of packages) writeFileSync(listOf(each.folder), `${contentsOf(each.staged).join('\n')}\n`);
  }
  rmSync(folder, { recursive: true });
}

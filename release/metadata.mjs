// Writes what all packages have in common into each package.json: who made it, where it lives, what it needs. The
// root's package.json is the source. The description and the package's own keywords are written by hand.
//
//     node release/metadata.mjs            writes
//     node release/metadata.mjs --check    lists the files that differ, and fails if there are any
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, publishedPackages, readJson, repositoryAddress, root } from './packages.mjs';

/** @returns path and text of each file that follows from the root's package.json. */
function metadataFiles() {
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  return publishedPackages().flatMap(({ folder, manifest }) => [
    [`${folder}/package.json`, `${JSON.stringify(withMetadata(manifest, folder), undefined, 2)}\n`],
    [`${folder}/LICENSE`, license],
  ]);
}

function withMetadata(manifest, folder) {
  const { author, engines, keywords, license, repository } = readJson('package.json');
  const { name, version, description, keywords: own = [], ...rest } = manifest;
  const metadata = {
    keywords: [...new Set([...keywords, ...own])],
    homepage: `${addressOf(folder, 'tree')}#readme`,
    bugs: { url: `${repositoryAddress()}/issues` },
    license,
    author,
    repository: { ...repository, directory: folder },
  };
  const publishConfig = { access: 'public', provenance: true };
  // The order of the fields is the usual one, whatever the file had.
  for (const field of [...Object.keys(metadata), 'engines', 'publishConfig']) delete rest[field];
  const { type, sideEffects, gypfile, ...others } = rest;
  return { name, version, description, ...metadata, type, sideEffects, gypfile, engines, ...others, publishConfig };
}

const changed = metadataFiles().filter(([path, text]) => readFileSync(join(root, path), 'utf8') !== text);
if (!process.argv.includes('--check')) {
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
} else if (changed.length > 0) {
  process.stderr.write(`${changed.map(([path]) => path).join('\n')}\ndiffer from the root: npx pnpm metadata\n`);
  process.exitCode = 1;
}

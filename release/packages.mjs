// The packages that are published, and where the repository is.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Reads a JSON file by its path in the repository. */
export function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** @returns name, folder and manifest of each published package. A package comes after those that it depends on. */
export function publishedPackages() {
  const all = readdirSync(join(root, 'packages')).map((entry) => {
    const folder = `packages/${entry}`;
    const manifest = readJson(`${folder}/package.json`);
    return { name: manifest.name, folder, manifest };
  });
  const ordered = [];
  const add = (entry) => {
    for (const name of Object.keys(entry.manifest.dependencies ?? {})) {
      const dependency = all.find((each) => each.name === name);
      if (dependency) add(dependency);
    }
    if (!ordered.includes(entry)) ordered.push(entry);
  };
  for (const entry of all) add(entry);
  return ordered;
}

/** @returns the address of the repository as a browser opens it. It is written in the root's package.json only. */
export function repositoryAddress() {
  return readJson('package.json')
    .repository.url.replace(/^git\+/, '')
    .replace(/\.git$/, '');
}

/** No host has a name under .invalid (RFC 2606): the placeholder until the repository has an address. */
export function isPlaceholder(address) {
  return new URL(address).hostname.endsWith('.invalid');
}

/** @returns the address of a file or folder of the repository, in a form that GitHub, GitLab and Gitea understand. */
export function addressOf(path, kind = 'blob') {
  return `${repositoryAddress()}/${kind}/HEAD/${path}`;
}

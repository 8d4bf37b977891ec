import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** A file of a package by a literal path in the text of another: an import, an export, a URL. */
const references = /['"`](\.{1,2}\/[^'"`\s]+\.[cm]?js)['"`]/g;

/**
 * The modules and declarations of a package that its users can reach.
 *
 * @param {string} folder The package.
 * @returns {Set<string>} Paths inside the package.
 */
export function reachable(folder) {
  const { bin, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const found = new Set();
  const visit = (file) => {
    if (found.has(file) || !existsSync(join(folder, file))) return;
    found.add(file);
    const isTypes = /\.d\.[cm]?ts$/.test(file);
    for (const [, path] of readFileSync(join(folder, file), 'utf8').matchAll(references))
      visit(posix.join(posix.dirname(file), isTypes ? path.replace(/\.([cm]?)js$/, '.d.$1ts') : path));
  };
  const visitAll = (entry) => {
    if (typeof entry === 'string') visit(posix.normalize(entry));
    else for (const each of Object.values(entry ?? {})) visitAll(each);
  };
  visitAll(exports);
  visitAll(bin);
  return found;
}

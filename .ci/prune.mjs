import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { reachable } from './reachable.mjs';

/**
 * Before a package is packed, in its folder: removes from `dist` what none of its entries reaches. That is the
 * declarations of what is internal, and what earlier builds have left.
 */

const folder = process.cwd();
const dist = join(folder, 'dist');
const wanted = reachable(folder);
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && /\.(?:[cm]?js|[cm]?ts|map)$/.test(path) && !wanted.has(relative(folder, path))) rmSync(path);
}
// The next build must not take for granted what is gone.
rmSync(join(dist, '.tsbuildinfo'), { force: true });

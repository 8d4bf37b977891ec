// Puts each package into a folder exactly as it will be published: what `pnpm pack` chooses, and a README whose links
// also work outside the repository.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { addressOf, readJson, root } from './packages.mjs';

const execute = promisify(execFile);

/**
 * Stages packages below a folder, which is emptied first.
 *
 * @returns the packages, each with the folder that holds it
 */
export async function stagePackages(packages, folder) {
  rmSync(folder, { recursive: true, force: true });
  return await Promise.all(packages.map((entry) => stage(entry, join(folder, entry.folder))));
}

async function stage(entry, staged) {
  mkdirSync(staged, { recursive: true });
  const tarball = `${staged}.tgz`;
  const pnpm = ['-y', readJson('package.json').packageManager];
  await execute('npx', [...pnpm, 'pack', '--out', tarball], { cwd: join(root, entry.folder) });
  await execute('tar', ['-xzf', tarball, '-C', staged, '--strip-components=1']);
  rmSync(tarball);
  const readme = join(staged, 'README.md');
  writeFileSync(readme, withAbsoluteLinks(readFileSync(readme, 'utf8'), entry.folder));
  return { ...entry, staged };
}

/** @throws Error if a link leads to no file of the repository. */
export function withAbsoluteLinks(markdown, folder) {
  return markdown.replace(/\]\((?![a-z]+:|#)([^)#\s]+)/g, (_, link) => {
    const path = posix.normalize(`${folder}/${link}`);
    if (!existsSync(join(root, path))) throw new Error(`${folder}/README.md: ${link} does not exist`);
    return `](${addressOf(path)}`;
  });
}

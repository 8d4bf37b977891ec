import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Copies this checkout, as it is built, into a repository of its own that has an address and nothing to commit. */
export function copyCheckout(target: string): void {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter((each) => each !== '' && existsSync(join(root, each)))) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(root, file), join(target, file));
  }
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'));
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const built of ['dist', 'prebuilds', 'node_modules']) {
      const from = join(root, 'packages', name, built);
      // The links among the packages are relative, so that they lead to the copies.
      if (existsSync(from))
        cpSync(from, join(target, 'packages', name, built), { recursive: true, verbatimSymlinks: true });
    }
  }
  const manifest = join(target, 'package.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/repository-address\.invalid/, 'repository.example'));
  execFileSync(process.execPath, ['release/metadata.mjs'], { cwd: target });
  git(target, 'init', '--quiet', '--initial-branch=main');
  git(target, 'config', 'user.name', 'CI');
  git(target, 'config', 'user.email', 'ci@localhost');
  git(target, 'add', '--all');
  git(target, 'commit', '--quiet', '--message', 'copy');
}

export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trimEnd();
}

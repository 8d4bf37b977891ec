import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kvm-for-typescript');

/**
 * A package of npm that only CI needs, in a cache: a dependency of the workspace would be installed for everyone.
 *
 * @param folder where in the cache; one for each version
 * @param overrides other versions of what it depends on
 * @returns its folder
 */
export function tool(folder: string, name: string, version: string, overrides: Record<string, string> = {}): string {
  const parent = join(cache, folder);
  const installed = join(parent, 'node_modules', name);
  if (existsSync(installed)) return installed;
  mkdirSync(parent, { recursive: true });
  writeFileSync(join(parent, 'package.json'), JSON.stringify({ private: true, overrides }));
  const quiet = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts'];
  execFileSync('npm', ['install', ...quiet, `${name}@${version}`], { cwd: parent, stdio: 'pipe' });
  return installed;
}

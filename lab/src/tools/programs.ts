import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheDirectory } from '../cache.js';
import { sources } from '../debian/apt.js';
import { archivesFor } from '../debian/archives.js';
import { LabError } from '../errors.js';
import { lastLines, runProgram } from '../program-run.js';
import type { Progress } from '../progress.js';

/** The path of a program, or undefined. */
export function whereIs(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A program of the system that the lab runs. */
export interface SystemProgram {
  program: string;
  /** The Debian package that has it. */
  debian: string;
}

/**
 * The path of a program. It is installed if this is root on Debian.
 *
 * @param what What needs it.
 * @throws LabError if it is missing.
 */
export async function findProgram(
  { program, debian }: SystemProgram,
  what: string,
  progress: Progress,
): Promise<string> {
  const found = whereIs(program);
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || whereIs('apt-get') === undefined) {
    throw new LabError(`${what} needs ${program}: install Debian's ${debian} (as root the lab does so itself)`);
  }
  progress.note(`installing ${debian}`);
  await install(debian);
  const installed = whereIs(program);
  if (installed === undefined) throw new LabError(`${debian} was installed, but ${program} is still missing`);
  return installed;
}

/**
 * Installs with the system's own apt, with the release's backports added for this call. Their lists stay in the lab's
 * cache.
 */
async function install(debianPackage: string): Promise<void> {
  const folder = join(cacheDirectory(), 'apt', 'system');
  const missing = `it would install ${debianPackage}`;
  const { stdout } = await runProgram('apt-config', ['shell', 'PARTS', 'Dir::Etc::sourceparts/d'], { missing });
  const parts = /^PARTS='(.*)'$/m.exec(stdout.toString())?.[1] ?? '';
  for (const name of ['parts', 'lists/partial']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of existsSync(parts) ? readdirSync(parts) : [])
    copyFileSync(join(parts, name), join(folder, 'parts', name));
  const suite = `${/^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]}-backports`;
  const [uri] = await archivesFor(suite).catch(() => []);
  if (uri !== undefined) writeFileSync(join(folder, 'parts', 'lab.sources'), sources(uri, suite));
  const own = [
    '-o',
    `Dir::Etc::sourceparts=${join(folder, 'parts')}`,
    '-o',
    `Dir::State::lists=${join(folder, 'lists')}`,
  ];
  const apt = (...args: string[]) => runProgram('apt-get', [...own, '-qq', ...args], { missing });
  await apt('update');
  const wanted = ['-o', 'DPkg::Lock::Timeout=300', 'install', '--yes', '--no-install-recommends', debianPackage];
  // QEMU from backports has fewer bugs in nested virtualisation.
  const attempts = [['-t', suite, ...wanted], wanted];
  let said = '';
  for (const attempt of attempts) {
    const { ok, stderr } = await apt(...attempt);
    if (ok) return;
    said = stderr;
  }
  throw new LabError(`${debianPackage} cannot be installed: ${lastLines(said)}`);
}

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../errors.js';
import { lastLines, runProgram } from '../program-run.js';

const missing = "it unpacks Debian's packages";

/**
 * Unpacks packages over each other into one folder, whose `lib` and `bin` link to those in `usr`, as in current Debian.
 * Older packages have files in both.
 */
export async function unpackDebs(files: readonly string[], folder: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(folder, 'usr', name), { recursive: true });
    symlinkSync(join('usr', name), join(folder, name));
  }
  for (const file of files) {
    const archive = await runProgram('dpkg-deb', ['--fsys-tarfile', file], { missing });
    const into = ['-x', '-C', folder, '--keep-directory-symlink', '--no-same-owner'];
    const tar = archive.ok ? await runProgram('tar', into, { input: archive.stdout, missing }) : archive;
    if (!tar.ok) throw new LabError(`${file} cannot be unpacked: ${lastLines(tar.stderr)}`);
  }
}

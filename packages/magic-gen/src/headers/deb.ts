import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MagicGenError } from '../errors.js';
import { lastLines, MissingProgramError, run } from '../run.js';
import { readAr } from './ar.js';
import { cacheDirectory, moveIntoPlace, sha256, withScratch } from './cache.js';

/** The folder with a package's contents, unpacked once. @throws MagicGenError where the file is not a package. */
export async function unpackedDeb(file: string): Promise<string> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new MagicGenError(`${file} is not a file`);
  const folder = join(cacheDirectory(), 'packages', sha256(file));
  if (existsSync(folder)) return folder;
  await withScratch(async (scratch) => {
    const fresh = join(scratch, 'unpacked');
    mkdirSync(fresh);
    await unpack(file, fresh);
    moveIntoPlace(fresh, folder);
  });
  return folder;
}

/** Unpacks with dpkg-deb, or without it where it is not installed. */
async function unpack(file: string, folder: string): Promise<void> {
  // For a broken package the archive reader reports more than dpkg-deb.
  readAr(readFileSync(file), file);
  const dpkg = await run('dpkg-deb', ['-x', file, folder], { missing: '' }).catch((error: unknown) => {
    if (error instanceof MissingProgramError) return undefined;
    throw error;
  });
  if (dpkg === undefined) await unpackWithTar(file, folder);
  else if (!dpkg.ok) throw new MagicGenError(`${file} cannot be unpacked: ${lastLines(dpkg.stderr)}`);
}

/** Unpacks a package without dpkg: the files are a tar archive inside an ar archive. */
export async function unpackWithTar(file: string, folder: string): Promise<void> {
  const data = readAr(readFileSync(file), file).find(({ name }) => name.startsWith('data.tar'));
  if (data === undefined) throw new MagicGenError(`${file} is not a Debian package: it has no data.tar`);
  await withScratch(async (scratch) => {
    const archive = join(scratch, data.name);
    writeFileSync(archive, data.data);
    const missing = 'without dpkg-deb, a package is unpacked with tar';
    const tar = await run('tar', ['-xf', archive, '-C', folder, '--no-same-owner'], { missing });
    if (!tar.ok) throw new MagicGenError(`${file} cannot be unpacked: ${lastLines(tar.stderr)}`);
  });
}

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { makeDeb } from '../../test/debian.js';
import { folderForTest, ownCache } from '../../test/folder.js';
import { titled, without } from '../../test/host.js';
import { unpackedDeb, unpackWithTar } from './deb.js';

const files = { 'usr/include/linux/kvm.h': 'text of kvm.h\n', 'usr/include/asm/kvm.h': '' };

const noTar = without('tar');

describe.skipIf(noTar)(titled('a package', noTar), () => {
  it('is unpacked once, into the cache', async () => {
    const cache = ownCache();
    const deb = join(folderForTest(), 'x.deb');
    makeDeb(deb, files);
    const folder = await unpackedDeb(deb);
    expect(folder.startsWith(cache)).toBe(true);
    expect(readFileSync(join(folder, 'usr/include/linux/kvm.h'), 'utf8')).toBe('text of kvm.h\n');
    writeFileSync(join(folder, 'mark'), '');
    expect(readdirSync(await unpackedDeb(deb))).toContain('mark');
  });

  it('is unpacked the same with and without dpkg', async () => {
    ownCache();
    const deb = join(folderForTest(), 'x.deb');
    makeDeb(deb, files);
    const own = folderForTest();
    await unpackWithTar(deb, own);
    const list = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    expect(list(own)).toEqual(list(await unpackedDeb(deb)));
  });

  it('is unpacked where dpkg is not installed', async () => {
    ownCache();
    const deb = join(folderForTest(), 'x.deb');
    makeDeb(deb, files);
    const programs = folderForTest();
    for (const name of ['tar', 'gzip']) {
      const path = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
      symlinkSync(path.find((each) => existsSync(each)) ?? '', join(programs, name));
    }
    vi.stubEnv('PATH', programs);
    const folder = await unpackedDeb(deb);
    expect(readFileSync(join(folder, 'usr/include/linux/kvm.h'), 'utf8')).toBe('text of kvm.h\n');
  });

  it('that is broken is named and leaves nothing in the cache', async () => {
    const cache = ownCache();
    const folder = folderForTest();
    const deb = join(folder, 'x.deb');
    makeDeb(deb, files);
    const cut = join(folder, 'cut.deb');
    writeFileSync(cut, readFileSync(deb).subarray(0, -200));
    await expect(unpackedDeb(cut)).rejects.toThrow(`${cut} is cut off`);
    const garbage = join(folder, 'garbage.deb');
    writeFileSync(garbage, 'garbage');
    await expect(unpackedDeb(garbage)).rejects.toThrow(`${garbage} is not a Debian package`);
    await expect(unpackedDeb(folder)).rejects.toThrow(`${folder} is not a file`);
    mkdirSync(cache, { recursive: true });
    expect(readdirSync(cache)).not.toContain('packages');
  });
});

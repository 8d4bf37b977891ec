import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderForTest, has, makeDeb, ownCache } from '../../test/debian.js';
import { unpackedDeb, unpackWithTar } from './deb.js';

const files = { 'usr/include/linux/kvm.h': 'text of kvm.h\n', 'usr/include/asm/kvm.h': '' };

describe.skipIf(!has('tar'))('a package (skipped where there is no tar)', () => {
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

  it('is unpacked without dpkg as with it', async () => {
    ownCache();
    const deb = join(folderForTest(), 'x.deb');
    makeDeb(deb, files);
    const own = folderForTest();
    await unpackWithTar(deb, own);
    const list = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    expect(list(own)).toEqual(list(await unpackedDeb(deb)));
  });

  it('that is broken leaves nothing in the cache, and is named', async () => {
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

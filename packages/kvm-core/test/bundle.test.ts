import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backendNames, tryBackend } from '../src/backend/select.js';
import { describeUnless, onEachBackend } from './backends.js';
import { bundlers } from './bundlers.js';

/** A lab of another architecture has the host's bundlers. */
const reason = process.arch === 'x64' ? undefined : 'the program and the installed bundlers are for x64';

/** The entries of the bundle: the program, the file of its Workers, and its handlers. */
const entries = Object.fromEntries(
  ['program', 'worker', 'handlers'].map((name) => [name, join(import.meta.dirname, 'bundle', `${name}.mjs`)]),
);

/** Bundlers in JavaScript, which take minutes under emulation. A host without KVM only builds with them. */
const slow = ['rollup', 'webpack'];
const isLab = process.env['KVM_LAB_KERNEL'] !== undefined;

for (const [bundler, build] of Object.entries(bundlers)) {
  const tooSlow = isLab && slow.includes(bundler) ? 'it takes minutes in a lab' : undefined;
  describeUnless(reason ?? tooSlow, `A program in one bundle with the package, by ${bundler},`, () =>
    testBundle(bundler, (folder) => build(entries, folder)),
  );
}

function testBundle(bundler: string, build: (folder: string) => Promise<void>): void {
  /**
   * Below the package, so that the backends, which no bundle contains, are found. Deep enough that the path from a
   * built file to the package's own Worker leads nowhere.
   */
  let folder: string;
  let elsewhere: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(import.meta.dirname, '.bundle-'));
    elsewhere = mkdtempSync(join(tmpdir(), 'kvm-bundle-'));
    await build(join(folder, 'dist'));
    cpSync(join(folder, 'dist'), elsewhere, { recursive: true });
  }, 120_000);
  afterAll(() => {
    for (const each of [folder, elsewhere]) rmSync(each, { recursive: true, force: true });
  });

  const run = (at: string, ...args: string[]): unknown => {
    // pnpm's shims point NODE_PATH into this workspace.
    const { NODE_PATH: _, ...env } = process.env;
    return JSON.parse(execFileSync(process.execPath, [join(at, 'program.js'), ...args], { env, encoding: 'utf8' }));
  };

  test.each(backendNames)('finds the backend %s', (backend) => {
    const error = run(join(folder, 'dist'), backend, 'nowhere');
    expect(error).toMatchObject({
      name: 'KvmError',
      code: 'version' in tryBackend(backend) ? 'ERR_KVM_UNAVAILABLE' : 'ERR_KVM_BACKEND',
    });
  });

  test.each(backendNames)('without the backend %s, gets an error that says where to install one', (backend) => {
    expect(run(elsewhere, backend, 'nowhere')).toEqual({
      name: 'KvmError',
      code: 'ERR_KVM_BACKEND',
      hint:
        'reinstall @kvm/core with its dependencies; koffi needs no compiler. ' +
        'A bundle contains no backend: install @kvm/native where it runs',
    });
  });

  onEachBackend(`with KVM, by ${bundler}`, (backend) => {
    test('gets an error that vm.start needs workerUrl', () => {
      expect(run(join(folder, 'dist'), backend)).toEqual({
        name: 'KvmError',
        code: 'ERR_KVM_HANDLER',
        hint:
          'in a bundle, vm.start needs the option workerUrl: ' +
          'the URL of an entry of the bundle that imports @kvm/core/worker',
      });
    });

    test('runs vCPUs with a workerUrl', () => {
      expect(run(join(folder, 'dist'), backend, 'workerUrl')).toEqual({ ended: 'handler', result: 1 });
    });

    test('gets the KvmError that a handler throws', () => {
      const error = run(join(folder, 'dist'), backend, 'workerUrl', 'fails');
      expect(error).toMatchObject({ name: 'KvmError', code: 'ERR_KVM_STATE' });
    });
  });
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless, onEachBackend } from '../../kvm-core/test/backends.js';
import { bundlers } from '../../kvm-core/test/bundlers.js';

/** A lab of another architecture has the host's bundlers. */
const reason = process.arch === 'x64' ? undefined : 'the guest and the installed bundlers are for x64';

const entries = Object.fromEntries(
  ['program', 'worker', 'device'].map((name) => [name, join(import.meta.dirname, 'bundle', `${name}.mjs`)]),
);

// What bundlers do differently, @kvm/core tests with all of them.
for (const [bundler, build] of Object.entries({ esbuild: bundlers.esbuild })) {
  describeUnless(reason, `A machine in one bundle with the package, by ${bundler},`, () => {
    /** Below @kvm/core, so that the backends are found, and deeper than a package's own files. */
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(import.meta.dirname, '../../kvm-core/test/.bundle-'));
      await build(entries, join(folder, 'dist', 'deeper'));
    }, 120_000);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const run = (...args: string[]): unknown => {
      // pnpm's shims point NODE_PATH into this workspace.
      const { NODE_PATH: _, ...env } = process.env;
      const program = join(folder, 'dist', 'deeper', 'program.js');
      return JSON.parse(execFileSync(process.execPath, [program, ...args], { env, encoding: 'utf8' }));
    };

    test('throws the errors of the package', () => {
      expect(run('ffi', 'nowhere')).toMatchObject({ name: 'KvmError', code: 'ERR_KVM_UNAVAILABLE' });
    });

    onEachBackend(`with KVM, by ${bundler}`, (backend) => {
      test('gets an error that Machine.create needs workerUrl', () => {
        expect(run(backend)).toEqual({
          name: 'KvmError',
          code: 'ERR_KVM_HANDLER',
          hint:
            'in a bundle, Machine.create needs the option workerUrl: ' +
            "the URL of an entry of the bundle that is export * from '@kvm/vmm/worker'",
        });
      });

      test('runs a guest with a workerUrl, and a device of the bundle', () => {
        expect(run(backend, 'workerUrl')).toEqual({ kind: 'exit', status: 21 });
      });
    });
  });
}

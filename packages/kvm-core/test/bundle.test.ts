import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

const sources = join(import.meta.dirname, 'bundle');

onEachBackend('A program in one bundle with the package', (backend) => {
  /**
   * Below the package, so that the backends, which no bundle contains, are found. Deep enough that the path from a
   * built file to the package's own Worker leads nowhere.
   */
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(import.meta.dirname, '.bundle-'));
    const { rolldown } = await import('rolldown');
    const input = Object.fromEntries(
      ['program', 'worker', 'handlers'].map((name) => [name, join(sources, `${name}.mjs`)]),
    );
    const bundle = await rolldown({ input, platform: 'node', external: ['@kvm/native'] });
    await bundle.write({ dir: join(folder, 'dist'), format: 'esm' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...how: string[]): unknown =>
    JSON.parse(
      execFileSync(process.execPath, [join(folder, 'dist/program.js'), backend, ...how], { encoding: 'utf8' }),
    );

  test('gets an error that vm.start needs workerUrl', () => {
    expect(run()).toEqual({
      name: 'KvmError',
      code: 'ERR_KVM_HANDLER',
      hint:
        'in a bundle, vm.start needs the option workerUrl: ' +
        'the URL of an entry of the bundle that imports @kvm/core/worker',
    });
  });

  test('runs vCPUs with a workerUrl', () => {
    expect(run('workerUrl')).toEqual({ ended: 'handler', result: 1 });
  });

  test('gets the KvmError that a handler throws', () => {
    expect(run('workerUrl', 'fails')).toMatchObject({ name: 'KvmError', code: 'ERR_KVM_STATE' });
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documents, samplesOf } from '../vitest.examples.js';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(import.meta.dirname, '.examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// What docs/tsconfig.md recommends, without the options of this repository, which a user's project does not have.
const compilerOptions = {
  target: 'ES2022',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  noEmit: true,
};

// 5.7 is the lowest version that docs/tsconfig.md promises.
test.each([
  ['the newest', 'typescript/bin/tsc'],
  ['5.7', 'typescript-5.7/bin/tsc'],
])('every TypeScript sample of the documentation compiles strictly with %s TypeScript', (_, tsc) => {
  expect(errorsOf(tsc)).toBe('');
});

beforeAll(() => {
  const samples = documents().flatMap(samplesOf);
  expect(samples.length).toBeGreaterThan(30);
  mkdirSync(join(folder, 'node_modules/@kvm'), { recursive: true });
  mkdirSync(join(folder, 'node_modules/@types'));
  for (const [name, path] of Object.entries({ core: 'kvm-core', vmm: 'kvm-vmm', 'magic-gen': 'magic-gen' })) {
    symlinkSync(join(root, 'packages', path), join(folder, 'node_modules/@kvm', name));
  }
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  // A sample without an import must still be a module.
  for (const { name, code } of samples) writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {};\n`);
});

function errorsOf(tsc: string): string {
  try {
    execFileSync(process.execPath, [join(root, 'node_modules', tsc), '-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
    });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

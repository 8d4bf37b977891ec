import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('a public type that api/ does not record is reported, with the command that records it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-api-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const check = (...flags: string[]): { status: number | null; stdout: string } =>
    spawnSync(process.execPath, [join(root, '.ci/api.mjs'), ...flags, folder], { encoding: 'utf8' });

  cpSync(join(root, 'api'), folder, { recursive: true });
  const report = join(folder, 'kvm-core.md');
  writeFileSync(report, readFileSync(report, 'utf8').replace('    getVcpuMmapSize(): number;\n', ''));
  const { status, stdout } = check();
  expect(status).toBe(1);
  expect(stdout).toMatch(/^\+ {4}getVcpuMmapSize\(\): number;$/m);
  expect(stdout).toContain('npx pnpm api');

  expect(check('--update').status).toBe(0);
  expect(check()).toMatchObject({ status: 0, stdout: '' });
});

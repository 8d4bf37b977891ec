import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const binary = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'kvm.node');

function check(...args: string[]): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'check.mjs'), ...args], { encoding: 'utf8' });
  return { status, stdout };
}

test.skipIf(!existsSync(binary))('the binary of this machine needs no library and no symbol with a version', () => {
  expect(check(binary)).toEqual({ status: 0, stdout: '' });
});

test.skipIf(!existsSync(binary))('a binary for another processor is refused', () => {
  const { status, stdout } = check(binary, process.arch === 'arm64' ? 'x64' : 'arm64');
  expect(status).toBe(1);
  expect(stdout).toMatch(/is for the ELF machine \d+, not (arm64|x64)/);
});

test.skipIf(!existsSync(binary))('a binary that takes a function which only newer systems have is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const newer = join(folder, 'kvm.node');
  const text = readFileSync(binary, 'latin1');
  // glibc has strlcpy since 2.38. The name is as long as the one that it replaces.
  expect(text.split('\0madvise\0')).toHaveLength(2);
  writeFileSync(newer, text.replace('\0madvise\0', '\0strlcpy\0'), 'latin1');
  expect(check(newer)).toEqual({ status: 1, stdout: `${newer}: needs strlcpy\n` });
});

test('a missing file and a file of another kind are refused', () => {
  expect(check(join(root, 'no.node')).stdout).toContain('no.node: is missing');
  expect(check(join(root, 'package.json')).stdout).toContain('is no shared library');
});

// The process has loaded it, so it is there. Like every library it depends on libc, with versions.
const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
const library = sharedObjects.find((path) => /libm\.so|libstdc\+\+/.test(path));

test.skipIf(library === undefined)(
  'a library with dependencies, versions, other exports and its size is refused',
  () => {
    const { status, stdout } = check(library as string);
    expect(status).toBe(1);
    for (const problem of [
      /has \d+ bytes, the limit is/,
      /needs the library libc\.so/,
      /has symbols with versions/,
      /exports .*sin/,
    ]) {
      expect(stdout).toMatch(problem);
    }
  },
);

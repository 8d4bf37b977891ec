import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvmError } from '@kvm/core';
import { afterAll, expect, test } from 'vitest';
import { bytesSource, fileSource } from './byte-source.js';

const folder = mkdtempSync(join(tmpdir(), 'byte-source-'));
afterAll(() => rmSync(folder, { recursive: true }));

const content = Uint8Array.of(1, 2, 3, 4, 5);

function file(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('bytes and files are read from any offset, into memory that threads share too', () => {
  using opened = fileSource(file('whole'));
  for (const source of [bytesSource(content), opened]) {
    expect(source.size).toBe(5);
    const into = new Uint8Array(new SharedArrayBuffer(8), 2, 3);
    source.read(1, into);
    expect([...into]).toEqual([2, 3, 4]);
    source.read(5, new Uint8Array());
  }
});

test('bytes that are not there are refused, and nothing is written', () => {
  using opened = fileSource(file('short'));
  for (const source of [bytesSource(content), opened]) {
    for (const offset of [3, 5, 2 ** 53 - 1, -1, 0.5, Number.NaN]) {
      const into = Uint8Array.of(9, 9, 9);
      expect(() => source.read(offset, into)).toThrow(KvmError);
      expect([...into]).toEqual([9, 9, 9]);
    }
  }
});

test('a file that becomes shorter, or is closed, is refused', () => {
  const path = file('cut');
  const source = fileSource(path);
  truncateSync(path, 2);
  expect(() => source.read(0, new Uint8Array(5))).toThrow('became shorter while it was read');
  source[Symbol.dispose]();
  source[Symbol.dispose]();
  expect(() => source.read(0, new Uint8Array(1))).toThrow('is closed');
});

test('only regular files are opened, and a pipe without a writer is no trap', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [folder, pipe]) expect(() => fileSource(path)).toThrow('is not a regular file');
  expect(() => fileSource(join(folder, 'missing'))).toThrow('ENOENT');
  expect(() => fileSource(5 as never)).toThrow('the path of a file must be a string or a URL');
  expect(() => bytesSource('text' as never)).toThrow('bytes must be a Uint8Array');
});

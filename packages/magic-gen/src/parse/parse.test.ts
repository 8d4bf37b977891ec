import { createRequire } from 'node:module';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Code } from './code.js';
import { parseDeclarations } from './parse.js';

it('a parser that the system is too old for is an error that says which system it needs', () => {
  const dlopen = vi.spyOn(process, 'dlopen').mockImplementation(() => {
    throw Object.assign(new Error("version `GLIBCXX_3.4.29' not found"), { code: 'ERR_DLOPEN_FAILED' });
  });
  onTestFinished(() => dlopen.mockRestore());
  expect(() => parseDeclarations(new Code([]))).toThrow(
    /^the parser cannot be loaded: .* GCC 11 or later, .* \(version `GLIBCXX_3\.4\.29' not found\)$/,
  );
});

it('the native parser is loaded only when something is parsed', () => {
  const loaded = (): string[] => {
    const { cache } = createRequire(import.meta.url);
    return Object.keys(cache).filter((path) => /tree-sitter.*\.node$/.test(path));
  };
  expect(loaded()).toEqual([]);
  parseDeclarations(new Code([]));
  expect(loaded()).toHaveLength(2);
});

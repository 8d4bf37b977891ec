import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { Code } from './code.js';
import { parseDeclarations } from './parse.js';

it('the native parser is loaded only when something is parsed', () => {
  const loaded = (): string[] => {
    const { cache } = createRequire(import.meta.url);
    return Object.keys(cache).filter((path) => /tree-sitter.*\.node$/.test(path));
  };
  expect(loaded()).toEqual([]);
  parseDeclarations(new Code([]));
  expect(loaded()).toHaveLength(2);
});

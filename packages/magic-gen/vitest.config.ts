import { createRequire } from 'node:module';
import { defaultExclude, mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.js';

/** Why the parser's binary does not load, as on Debian 11; undefined if it does. Nearly all tests parse. */
function whyNoParser(): string | undefined {
  try {
    createRequire(import.meta.url)('tree-sitter');
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_DLOPEN_FAILED' || process.env['CI'] !== undefined) throw error;
    return message.split('\n')[0];
  }
}

const reason = whyNoParser();
if (reason !== undefined) process.stdout.write(`all tests of @kvm/magic-gen are skipped: ${reason}\n`);

export default mergeConfig(shared, {
  test: {
    // The examples of the documentation import the package by its name.
    alias: { '@kvm/magic-gen': `${import.meta.dirname}/src/index.ts` },
    exclude: reason === undefined ? defaultExclude : ['**'],
    passWithNoTests: reason !== undefined,
  },
});

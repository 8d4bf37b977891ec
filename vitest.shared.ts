import { defineConfig } from 'vitest/config';

/**
 * The common configuration of all packages' tests. Each run of a suite writes a JSON file, and .ci/run adds them up.
 */
export const shared = defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // A crash in one test file must not end the others.
    pool: 'forks',
    setupFiles: ['watchdog', 'seed'].map((name) => `${import.meta.dirname}/vitest.${name}.ts`),
    testTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: process.env['KVM_TEST_RESULTS'] ?? 'test-results.json' }]],
  },
});

import { defineConfig } from 'vitest/config';

/** What all packages' tests have in common. The JSON is what .ci/run adds up: one file each time a suite runs. */
export const shared = defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // A fault in one file's guest must not take the others with it.
    pool: 'forks',
    setupFiles: [`${import.meta.dirname}/vitest.watchdog.ts`],
    testTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: process.env['KVM_TEST_RESULTS'] ?? 'test-results.json' }]],
  },
});

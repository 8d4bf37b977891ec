import { mergeConfig } from 'vitest/config';
import { shared } from '../vitest.shared.js';

export default mergeConfig(shared, {
  // Less than the watchdog's limit, so that vitest reports a slow test before the watchdog kills it.
  test: { root: import.meta.dirname, include: ['*.test.ts'], hookTimeout: 140_000, testTimeout: 140_000 },
});

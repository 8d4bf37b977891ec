import { mergeConfig } from 'vitest/config';
import { shared } from '../vitest.shared.js';

export default mergeConfig(shared, {
  // Less than the watchdog's time: what takes too long is to be reported, not killed.
  test: { root: import.meta.dirname, include: ['*.test.ts'], hookTimeout: 140_000, testTimeout: 140_000 },
});

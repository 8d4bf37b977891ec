import { mergeConfig } from 'vitest/config';
import { shared } from '../vitest.shared.js';

export default mergeConfig(shared, {
  test: { root: import.meta.dirname, include: ['*.test.ts'], testTimeout: 300_000 },
});

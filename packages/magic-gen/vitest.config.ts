import { mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.js';

export default mergeConfig(shared, {
  // The examples of the documentation import the package by its name.
  test: { alias: { '@kvm/magic-gen': `${import.meta.dirname}/src/index.ts` } },
});

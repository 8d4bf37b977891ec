import { mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.js';

export default mergeConfig(shared, {
  // The examples of the documentation import the package by name.
  test: {
    include: ['conformance/**/*.test.ts'],
    alias: {
      '@kvm/core/x86': `${import.meta.dirname}/src/arch/x86/index.ts`,
      '@kvm/core': `${import.meta.dirname}/src/index.ts`,
    },
  },
});

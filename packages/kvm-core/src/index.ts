/** `@kvm/core` and `@kvm/core/x86` are one entry. */
export * from './arch/x86/index.js';

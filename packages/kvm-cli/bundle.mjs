import { bundlePackage } from '../../.ci/bundle.mjs';

// The package exports nothing. The device of the demo is a module that a machine loads by its URL.
await bundlePackage(import.meta.dirname, { more: ['main', 'demo/device'] });

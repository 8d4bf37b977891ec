import { testExamples } from '../../../vitest.examples.js';
import { noKvm } from './backends.js';

testExamples('@kvm/core', import.meta.dirname, noKvm);

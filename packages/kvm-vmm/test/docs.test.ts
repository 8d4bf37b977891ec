import { testExamples } from '../../../vitest.examples.js';

testExamples('@kvm/vmm/abi/virtio', import.meta.dirname);

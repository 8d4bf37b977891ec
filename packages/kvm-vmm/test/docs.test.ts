import { testExamples } from '../../../vitest.examples.js';
import { noKvm } from '../../kvm-core/test/backends.js';

testExamples('@kvm/vmm', import.meta.dirname, noKvm);
testExamples('@kvm/vmm/abi/virtio', import.meta.dirname);

import { existsSync } from 'node:fs';
import { testExamples } from '../../../vitest.examples.js';

const missing = existsSync('/usr/include/linux/kvm.h')
  ? undefined
  : 'the system has no kernel headers (linux-libc-dev)';

testExamples('@kvm/magic-gen', import.meta.dirname, missing);

import { decompress } from '../kernel/decompress.js';
import type { Architecture } from './architecture.js';

/** A processor with the H extension. */
export const riscv64: Architecture = {
  name: 'riscv64',
  debian: 'riscv64',
  node: 'riscv64',
  flavour: 'riscv64',
  suites: ['trixie', 'testing'],
  defaultKernel: 'newest',
  testedKernels: ['newest'],
  qemu: {
    program: 'qemu-system-riscv64',
    debian: 'qemu-system-riscv',
    // koffi's binary needs a newer processor than the default.
    machine: ['-M', 'virt', '-cpu', 'max'],
  },
  commandLine: 'console=ttyS0',
  kvmModule: 'kvm',
  bootImage: decompress,
};

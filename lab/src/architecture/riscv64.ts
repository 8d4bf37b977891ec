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
  qemu: {
    program: 'qemu-system-riscv64',
    debian: 'qemu-system-riscv',
    machine: ['-M', 'virt', '-cpu', 'rv64,h=true'],
  },
  commandLine: 'console=ttyS0',
  kvmModule: 'kvm',
  bootImage: decompress,
};

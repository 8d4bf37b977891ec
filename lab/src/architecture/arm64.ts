import { decompress } from '../kernel/decompress.js';
import type { Architecture } from './architecture.js';

/** A processor with VHE that starts at EL2, and a GICv3. */
export const arm64: Architecture = {
  name: 'arm64',
  debian: 'arm64',
  node: 'arm64',
  flavour: 'arm64',
  suites: ['bookworm-security', 'trixie-security', 'trixie-backports'],
  defaultKernel: '6.12',
  testedKernels: ['6.12'],
  qemu: {
    program: 'qemu-system-aarch64',
    debian: 'qemu-system-arm',
    // `max` would sign pointers, which is slow under emulation.
    machine: ['-M', 'virt,virtualization=on,gic-version=3', '-cpu', 'neoverse-n1'],
  },
  commandLine: 'console=ttyAMA0',
  kvmModule: 'kvm',
  bootImage: decompress,
};

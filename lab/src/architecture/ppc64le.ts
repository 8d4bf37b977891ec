import { decompress } from '../kernel/decompress.js';
import type { Architecture } from './architecture.js';

/** A POWER9 whose hypervisor, emulated by QEMU, lets the lab's kernel run guests. */
export const ppc64le: Architecture = {
  name: 'ppc64le',
  debian: 'ppc64el',
  node: 'ppc64',
  flavour: 'powerpc64le',
  suites: ['bookworm', 'trixie', 'testing'],
  defaultKernel: '6.1',
  testedKernels: ['6.1'],
  // Only the tests about powerpc. The tests for every machine mostly pass, but not reliably: a guest of QEMU's
  // hypervisor sometimes sees memory of an earlier one, and a test that kicks for long may freeze the machine.
  testedFiles: ['src/arch/powerpc/'],
  qemu: {
    program: 'qemu-system-ppc64',
    debian: 'qemu-system-ppc',
    // Turns off the mitigations that the emulator lacks.
    machine: [
      ...['-M', 'pseries,cap-nested-hv=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off'],
      ...['-cpu', 'power9'],
    ],
  },
  commandLine: 'console=hvc0',
  kvmModule: 'kvm_hv',
  bootImage: decompress,
};

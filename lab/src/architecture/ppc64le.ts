import { decompress } from '../kernel/decompress.js';
import type { Architecture } from './architecture.js';

/** A POWER9 whose hypervisor, which QEMU plays, lets the lab's kernel have guests of its own. */
export const ppc64le: Architecture = {
  name: 'ppc64le',
  debian: 'ppc64el',
  node: 'ppc64',
  flavour: 'powerpc64le',
  suites: ['bookworm', 'trixie', 'testing'],
  defaultKernel: '6.1',
  testedKernels: ['6.1'],
  // What only powerpc has. Of the claims about every machine most hold, in most runs: a guest of QEMU's hypervisor sees now and then
  // memory of one before it, and a test that kicks for long may freeze the machine.
  testedFiles: ['src/arch/powerpc/'],
  qemu: {
    program: 'qemu-system-ppc64',
    debian: 'qemu-system-ppc',
    // What the emulator does not have of the mitigations is not asked for.
    machine: [
      ...['-M', 'pseries,cap-nested-hv=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off'],
      ...['-cpu', 'power9'],
    ],
  },
  commandLine: 'console=hvc0',
  kvmModule: 'kvm_hv',
  bootImage: decompress,
};

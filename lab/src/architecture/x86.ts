import { elfOfBzImage } from '../kernel/bz-image.js';
import type { Architecture } from './architecture.js';

/** An AMD-like processor with SVM, which is what QEMU's emulator can do of virtualisation. */
export const x86: Architecture = {
  name: 'x86',
  debian: 'amd64',
  node: 'x64',
  flavour: 'amd64',
  suites: ['bullseye-security', 'bookworm-security', 'trixie-security', 'trixie-backports'],
  defaultKernel: '6.12',
  testedKernels: ['5.10', '6.1', '6.12', 'newest'],
  qemu: {
    program: 'qemu-system-x86_64',
    debian: 'qemu-system-x86',
    // Whatever device is not there need not be looked for. Without la57 the guests' page tables stay four levels deep. The
    // rest takes time: strings are copied byte by byte where the processor claims to be fast at it, and each write of PKRU,
    // two for every switch of tasks, empties the TLB.
    machine: [
      ...['-M', 'q35,usb=off,sata=off,smbus=off,vmport=off,i8042=off,hpet=off'],
      ...['-cpu', 'max,la57=off,erms=off,fsrm=off,pku=off'],
    ],
  },
  // The emulator's counter is the host's: a host that is busy must not have it taken for unstable.
  commandLine: 'console=ttyS0 reboot=t tsc=reliable',
  kvmModule: 'kvm_amd',
  bootImage: elfOfBzImage,
};

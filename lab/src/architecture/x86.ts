import { elfOfBzImage } from '../kernel/bz-image.js';
import type { Architecture } from './architecture.js';

/** An AMD processor with SVM, the only x86 virtualisation that QEMU emulates. */
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
    // The kernel need not probe for devices that do not exist. Without la57 the guests' page tables stay four levels
    // deep. The other features cost time: strings are copied byte by byte if the processor claims to be fast at it, and
    // each write of PKRU, two for every task switch, flushes the TLB.
    machine: [
      ...['-M', 'q35,usb=off,sata=off,smbus=off,vmport=off,i8042=off,hpet=off'],
      ...['-cpu', 'max,la57=off,erms=off,fsrm=off,pku=off'],
    ],
  },
  // The emulator's counter is the host's. The kernel must not consider it unstable because the host is busy.
  commandLine: 'console=ttyS0 reboot=t tsc=reliable',
  kvmModule: 'kvm_amd',
  bootImage: elfOfBzImage,
};

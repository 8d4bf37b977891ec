import type { SystemProgram } from '../tools/programs.js';

/** A kind of machine that the lab can emulate. */
export interface Architecture {
  /** The name for `--arch`. */
  name: string;
  /** Debian's name. */
  debian: string;
  /** The name in Node's `process.arch`. */
  node: string;
  /** The suffix of the names of its kernel packages. */
  flavour: string;
  /** Debian suites that have kernels for it. */
  suites: readonly string[];
  /** The default kernel of a lab. */
  defaultKernel: string;
  /** The default kernels for test suites. */
  testedKernels: readonly string[];
  /** Restricts the test files to those with one of these in their paths. */
  testedFiles?: readonly string[];
  qemu: SystemProgram & {
    /** The options for the machine and its processor. */
    machine: readonly string[];
  };
  /** The device for kernel messages, and the other options of the kernel's command line. */
  commandLine: string;
  /** The module that provides /dev/kvm, if it is not built in. */
  kvmModule: string;
  /** Converts the kernel of a package to what QEMU loads. */
  bootImage(vmlinuz: Uint8Array): Promise<Uint8Array>;
}

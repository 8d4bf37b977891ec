/** A kind of machine the lab can be. */
export interface Architecture {
  /** As `--arch` spells it. */
  name: string;
  /** As Debian spells it. */
  debian: string;
  /** As Node's `process.arch` spells it. */
  node: string;
  /** The end of the names of its kernels' packages. */
  flavour: string;
  /** Suites of Debian that have kernels for it. */
  suites: readonly string[];
  /** The kernel of a lab that nobody named one for. */
  defaultKernel: string;
  /** The kernels that suites run on where nobody says other. */
  testedKernels: readonly string[];
  /** Of the test files, those with one of these in their paths, where not all are about it. */
  testedFiles?: readonly string[];
  qemu: {
    program: string;
    /** Debian's package it is in. */
    debian: string;
    /** The machine and its processor. */
    machine: readonly string[];
  };
  /** The device the kernel's messages go to, and what else its command line needs. */
  commandLine: string;
  /** The module, if it is one, that makes /dev/kvm. */
  kvmModule: string;
  /** What QEMU is to be given for the kernel of a package. */
  bootImage(vmlinuz: Uint8Array): Promise<Uint8Array>;
}

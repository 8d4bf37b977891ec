import type { Target } from '../model/model.js';

/** All that is particular to one architecture, or to one of its data models. A new one is a file like `s390.ts`. */
export interface TargetDescription {
  /** What a command line calls it: the architecture, and for all but its usual data model a suffix: "powerpc-be". */
  name: string;
  /** The kernel's own name for the architecture: the directory under `arch/`. */
  arch: string;
  target: Target;
  /** Debian's name for the directory under `/usr/include` that holds `asm/`. */
  multiarch: string;
  /** What `asm/kvm.h` defines so as not to be read twice; no two architectures call it the same. */
  kvmGuard: string;
  /** Whether an unnamed bitfield raises its record's alignment as a named one does: so on ARM, not elsewhere. */
  unnamedBitfieldsAlign: boolean;
  /** The alignment that `__attribute__((aligned))` without a number asks for. */
  largestAlign: number;
}

/** How most architectures number an ioctl. */
export const genericIoc: Target['ioc'] = { sizeBits: 14, none: 0, write: 1, read: 2 };

/**
 * How those do that took their numbers from the Unix systems before Linux: a bit for each direction, and one for none.
 */
export const olderIoc: Target['ioc'] = { sizeBits: 13, none: 1, write: 4, read: 2 };

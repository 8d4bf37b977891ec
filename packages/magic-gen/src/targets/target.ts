import type { Target } from '../model/model.js';

/** Everything specific to one architecture, or to one of its data models. A new one is a file like `s390.ts`. */
export interface TargetDescription {
  /** Its name on the command line: the architecture, with a suffix for all but the usual data model: "powerpc-be". */
  name: string;
  /** The kernel's name for the architecture: its folder in `arch/`. */
  arch: string;
  target: Target;
  /** Debian's name for the folder in `/usr/include` that holds `asm/`. */
  multiarch: string;
  /** The include guard of `asm/kvm.h`; no two architectures share one. */
  kvmGuard: string;
  /** Whether an unnamed bitfield raises its record's alignment like a named one: it does on ARM only. */
  unnamedBitfieldsAlign: boolean;
  /** The alignment of `__attribute__((aligned))` without a number. */
  largestAlign: number;
}

/** How most architectures encode an ioctl. */
export const genericIoc: Target['ioc'] = { sizeBits: 14, none: 0, write: 1, read: 2 };

/**
 * The encoding of the architectures that took their numbers from older Unix systems: one bit for each direction, and
 * one for none.
 */
export const olderIoc: Target['ioc'] = { sizeBits: 13, none: 1, write: 4, read: 2 };

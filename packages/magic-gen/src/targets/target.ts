import type { Target } from '../model/model.js';

/** All that is particular to one architecture. A new one is a file like `x86.ts`. */
export interface TargetDescription {
  /** The kernel's own name for the architecture: the directory under `arch/`. */
  arch: string;
  target: Target;
  /** Debian's name for the directory under `/usr/include` that holds `asm/`. */
  multiarch: string;
  /** What the compiler predefines to name the architecture, beyond what follows from the data model. */
  macros: Readonly<Record<string, string>>;
  /** Whether an unnamed bitfield raises its record's alignment as a named one does: so on ARM, not elsewhere. */
  unnamedBitfieldsAlign: boolean;
  /** The alignment that `__attribute__((aligned))` without a number asks for. */
  largestAlign: number;
}

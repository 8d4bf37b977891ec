import { readFileSync } from 'node:fs';
import { findTarget, type TargetDescription } from '../targets/index.js';

/** One of the kernel's interfaces: which headers it is in, and where its TypeScript goes. The table is `interfaces.json`. */
export interface Interface {
  /** What a command line calls it: "kvm". */
  name: string;
  /** The headers whose constants, types and ioctls it is made of. */
  roots: readonly string[];
  /** The architectures whose TypeScript is committed, each in a folder of its own. */
  architectures: readonly string[];
  /** Where this repository keeps the TypeScript. */
  folder: string;
  /** Where the TypeScript imports what its classes are made of: a folder of modules, or one module of a package. */
  runtime: string;
}

/** Every interface magic-gen knows. */
export const interfaces: readonly Interface[] = JSON.parse(
  readFileSync(new URL('../../interfaces.json', import.meta.url), 'utf8'),
);

/** The targets whose TypeScript is committed. */
export function targetsOf({ architectures }: Interface): TargetDescription[] {
  return architectures.map(findTarget);
}

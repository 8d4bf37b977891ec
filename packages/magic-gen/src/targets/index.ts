import { MagicGenError } from '../errors.js';
import type { TargetDescription } from './target.js';
import { x86 } from './x86.js';

export type { TargetDescription } from './target.js';

/** Every architecture magic-gen knows. */
export const targets: readonly TargetDescription[] = [x86];

/** The architecture of that kernel name. @throws MagicGenError when magic-gen does not know it. */
export function findTarget(arch: string): TargetDescription {
  const found = targets.find((target) => target.arch === arch);
  if (!found) {
    throw new MagicGenError(
      `unknown architecture '${arch}'; known: ${targets.map((target) => target.arch).join(', ')}`,
    );
  }
  return found;
}

import type { SourceLocation } from '../errors.js';
import type { TargetDescription } from '../targets/target.js';

/** Headers of another architecture than the requested one. */
export interface Foreign {
  /** That architecture's name, where known. */
  arch: string;
  where: SourceLocation;
}

/**
 * Identifies the architecture of an `asm/kvm.h` by its include guard; undefined unless it is known to be another one.
 */
export function foreignHeader(
  path: string,
  text: string,
  target: TargetDescription,
  all: readonly TargetDescription[],
): Foreign | undefined {
  for (const [index, line] of text.split(/\r\n?|\n/).entries()) {
    const guard = /^\s*#\s*ifndef\s+(\w+)/.exec(line)?.[1];
    const other = all.find(({ kvmGuard }) => kvmGuard === guard);
    if (guard === target.kvmGuard) return undefined;
    if (other)
      return {
        arch: other.arch,
        where: { file: path, line: index + 1, column: line.indexOf(guard ?? '') + 1, text: line },
      };
  }
  return undefined;
}

import type { SourceLocation } from '../errors.js';
import type { TargetDescription } from '../targets/target.js';

/** Headers of another architecture than the one that was asked for. */
export interface Foreign {
  /** That architecture, where it is known by name. */
  arch: string;
  where: SourceLocation;
}

/**
 * Says of which other architecture an `asm/kvm.h` is, by the macro that keeps it from being read twice; undefined where
 * it is not known to be of another.
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

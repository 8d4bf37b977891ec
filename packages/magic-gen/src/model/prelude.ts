/**
 * Headers included before the root headers. Some root headers use `offsetof`, `_IO` or `__u32` without including what
 * defines them, which every program that opens a device has included.
 */
const prelude = ['stddef.h', 'linux/types.h', 'linux/ioctl.h'];

/** The headers included before some root headers, in order. */
export function included(roots: readonly string[]): string[] {
  return [...prelude, ...roots];
}

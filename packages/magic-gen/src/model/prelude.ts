/**
 * What is included before the root headers. Some use `_IO` or `__u32` and leave it to the program to have included what
 * defines them, as every program does that opens a device.
 */
const prelude = ['linux/types.h', 'linux/ioctl.h'];

/** All that is included for the sake of some root headers, in order. */
export function included(roots: readonly string[]): string[] {
  return [...prelude, ...roots];
}

import { foreignIoctls as onArm64 } from '../../src/abi/arm64/foreign-ioctls.js';
import * as arm64 from '../../src/abi/arm64/ioctls.js';
import type { FdKind, Ioctl } from '../../src/abi/ioctl.js';
import * as loongarch from '../../src/abi/loongarch/ioctls.js';
import * as mips from '../../src/abi/mips/ioctls.js';
import * as powerpc from '../../src/abi/powerpc/ioctls.js';
import * as riscv from '../../src/abi/riscv/ioctls.js';
import * as s390 from '../../src/abi/s390/ioctls.js';
import { foreignIoctls as onX86 } from '../../src/abi/x86/foreign-ioctls.js';
import * as x86 from '../../src/abi/x86/ioctls.js';

/** The facts about an ioctl in the coverage. */
export interface ListedIoctl {
  readonly name: string;
  readonly fd: readonly FdKind[];
  /** Absent: all. */
  readonly arch: readonly string[] | undefined;
  readonly capability: string | undefined;
}

/** Every ioctl of every architecture, by name. */
export const listedIoctls: readonly ListedIoctl[] = ((): ListedIoctl[] => {
  const byName = new Map<string, ListedIoctl>();
  for (const table of [x86, arm64, riscv, s390, powerpc, mips, loongarch]) {
    for (const { name, fd, arch, capability } of Object.values<Ioctl>(table)) {
      // Headers of another architecture may lack the capability.
      const known = byName.get(name)?.capability;
      byName.set(name, { name, fd, arch, capability: known ?? capability?.name });
    }
  }
  // Each is in the table of the architecture that has it. The others are old names without a struct.
  const missing = [...onX86, ...onArm64].filter(({ name }) => !byName.has(name));
  for (const { name, fd, arch } of missing) byName.set(name, { name, fd, arch, capability: undefined });
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
})();

/** Whether an architecture for which this package has methods has the ioctl. */
export function isCore({ arch }: ListedIoctl): boolean {
  return arch === undefined || ['x86', 'arm64', 'riscv'].some((name) => arch.includes(name));
}

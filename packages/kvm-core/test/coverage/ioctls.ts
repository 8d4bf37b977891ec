import type { FdKind, Ioctl } from '../../src/abi/ioctl.js';
import { abis } from '../architectures.js';

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
  for (const abi of Object.values(abis)) {
    for (const { name, fd, arch, capability } of Object.values<unknown>(abi).filter(isIoctl)) {
      // Headers of another architecture may lack the capability.
      const known = byName.get(name)?.capability;
      byName.set(name, { name, fd, arch, capability: known ?? capability?.name });
    }
  }
  // Each is in the table of the architecture that has it. The others are old names without a struct.
  const foreign = Object.values(abis).flatMap(({ foreignIoctls }) => foreignIoctls);
  const missing = foreign.filter(({ name }) => !byName.has(name));
  for (const { name, fd, arch } of missing) byName.set(name, { name, fd, arch, capability: undefined });
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
})();

function isIoctl(value: unknown): value is Ioctl {
  return typeof value === 'object' && value !== null && 'request' in value;
}

/** Whether an architecture for which this package has methods has the ioctl. */
export function isCore({ arch }: ListedIoctl): boolean {
  return arch === undefined || ['x86', 'arm64', 'riscv'].some((name) => arch.includes(name));
}

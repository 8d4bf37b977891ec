import { LabError } from '../errors.js';
import type { Architecture } from './architecture.js';
import { arm64 } from './arm64.js';
import { ppc64le } from './ppc64le.js';
import { riscv64 } from './riscv64.js';
import { x86 } from './x86.js';

export const architectures: readonly Architecture[] = [x86, arm64, riscv64, ppc64le];

/** @throws LabError that lists the known architectures. */
export function findArchitecture(name: string): Architecture {
  const found = architectures.find((architecture) => architecture.name === name);
  if (found) return found;
  const names = architectures.map((known) => known.name).join(', ');
  throw new LabError(`unknown architecture '${name}'; known are ${names}`);
}

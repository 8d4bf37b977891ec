import { MagicGenError } from '../errors.js';
import type { Model } from '../model/model.js';
import { arm64 } from './arm64.js';
import { loongarch } from './loongarch.js';
import { mips } from './mips.js';
import { powerpc, powerpcBigEndian } from './powerpc.js';
import { riscv } from './riscv.js';
import { s390 } from './s390.js';
import type { TargetDescription } from './target.js';
import { x86, x86Of32Bits } from './x86.js';

export type { TargetDescription } from './target.js';

/** Every target that magic-gen knows: each architecture under the kernel's name, and its other data models. */
export const targets: readonly TargetDescription[] = [
  x86,
  x86Of32Bits,
  arm64,
  riscv,
  s390,
  powerpc,
  powerpcBigEndian,
  mips,
  loongarch,
];

/** The target of that name. @throws MagicGenError for an unknown name. */
export function findTarget(name: string): TargetDescription {
  const found = targets.find((target) => target.name === name);
  if (!found) {
    throw new MagicGenError(`unknown architecture '${name}'; known: ${targets.map((each) => each.name).join(', ')}`);
  }
  return found;
}

/** The target of a model. @throws MagicGenError for an unknown target. */
export function targetOf({ target, arch }: Pick<Model, 'target' | 'arch'>): TargetDescription {
  const found = targets.find((each) => each.target.triple === target.triple);
  if (!found) throw new MagicGenError(`a model of ${target.triple} (${arch}), which this magic-gen does not know`);
  return found;
}

/** The targets in a list: "arm64,s390", or "all". @throws MagicGenError for an unknown name. */
export function findTargets(list: string): readonly TargetDescription[] {
  if (list === 'all') return targets;
  const names = list.split(',').map((name) => name.trim());
  return [...new Set(names)].map(findTarget);
}

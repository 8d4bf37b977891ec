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

/** Every target magic-gen knows: each architecture under the kernel's name, beside it its other data models. */
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

/** The target of that name. @throws MagicGenError when magic-gen does not know it. */
export function findTarget(name: string): TargetDescription {
  const found = targets.find((target) => target.name === name);
  if (!found) {
    throw new MagicGenError(`unknown architecture '${name}'; known: ${targets.map((each) => each.name).join(', ')}`);
  }
  return found;
}

/** The target a model is of. @throws MagicGenError when magic-gen does not know it. */
export function targetOf({ target, arch }: Pick<Model, 'target' | 'arch'>): TargetDescription {
  const found = targets.find((each) => each.target.triple === target.triple);
  if (!found) throw new MagicGenError(`a model of ${target.triple} (${arch}), which this magic-gen does not know`);
  return found;
}

/** The targets a list names: "arm64,s390", or "all". @throws MagicGenError for a name magic-gen does not know. */
export function findTargets(list: string): readonly TargetDescription[] {
  if (list === 'all') return targets;
  const names = list.split(',').map((name) => name.trim());
  return [...new Set(names)].map(findTarget);
}

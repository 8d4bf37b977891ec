import type { Model } from '../model/model.js';
import { importNames } from './source.js';

/** What the TypeScript of a model depends on besides the model. */
export interface Output {
  /** Where it imports the struct runtime from: a folder of modules, or one module of a package. */
  runtime: string;
  /** The architectures it is for, where several share it. */
  architectures?: readonly string[];
}

/** For a folder of @kvm/core. */
export const withinCore: Output = { runtime: '../../struct' };

/** For a folder anywhere else. */
export const anywhere: Output = { runtime: '@kvm/core/struct' };

/** Whether a model is KVM's, which has more tables than other interfaces. */
export function isKvm({ roots }: Pick<Model, 'roots'>): boolean {
  return roots.includes('linux/kvm.h');
}

/** The names used of each module of the struct runtime, by module. */
export type Used = ReadonlyMap<string, ReadonlySet<string>>;

export function importRuntime(used: Used, { runtime }: Output): string[] {
  if (!runtime.startsWith('.')) return importNames(new Set([...used.values()].flatMap((names) => [...names])), runtime);
  return [...used]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([module, names]) => importNames(names, `${runtime}/${module}.js`));
}

/** The module that exports the type of KVM's ioctls. */
export function ioctlModule({ runtime }: Output): string {
  return runtime.startsWith('.') ? '../ioctl.js' : '@kvm/core';
}

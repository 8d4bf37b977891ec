import type { Model } from '../model/model.js';
import { importNames } from './source.js';

/** What the TypeScript of a model depends on beside the model. */
export interface Output {
  /** Where it imports what its classes are made of: a folder of modules, or one module of a package. */
  runtime: string;
  /** The architectures it is for, where it is the same for several. */
  architectures?: readonly string[];
}

/** For a folder of @kvm/core's own. */
export const withinCore: Output = { runtime: '../../struct' };

/** For a folder anywhere. */
export const anywhere: Output = { runtime: '@kvm/core/struct' };

/** Whether a model is KVM's, of which more is said than of other interfaces. */
export function isKvm({ roots }: Pick<Model, 'roots'>): boolean {
  return roots.includes('linux/kvm.h');
}

/** The names that are used of each module of the struct runtime, by the module's name. */
export type Used = ReadonlyMap<string, ReadonlySet<string>>;

export function importRuntime(used: Used, { runtime }: Output): string[] {
  if (!runtime.startsWith('.')) return importNames(new Set([...used.values()].flatMap((names) => [...names])), runtime);
  return [...used]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([module, names]) => importNames(names, `${runtime}/${module}.js`));
}

/** Where the type of KVM's ioctls comes from. */
export function ioctlModule({ runtime }: Output): string {
  return runtime.startsWith('.') ? '../ioctl.js' : '@kvm/core';
}

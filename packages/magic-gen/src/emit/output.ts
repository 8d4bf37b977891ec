import type { Model } from '../model/model.js';
import { importNames } from './source.js';

/** What the TypeScript of a model depends on besides the model. */
export interface Output {
  /** Where it imports the struct runtime from: a folder of modules, or one module of a package. */
  runtime: string;
  /** The architectures it is for, where several share it. */
  architectures?: readonly string[];
  /** What architectures have in common, where a folder of its own holds it. */
  common?: Common;
}

/** The names of each file that architectures have in common. */
export interface Common {
  names: ReadonlyMap<string, ReadonlySet<string>>;
  /** The folder that declares them, seen from this one; undefined for that folder itself. */
  folder: string | undefined;
}

/** A part of a file that stands for itself: what it is called, its lines, and what of the same file it refers to. */
export interface Declaration {
  name: string;
  lines: string[];
  uses?: readonly string[];
}

/** Whether a name is declared in this output; if not, it is exported again. */
export function isDeclared(name: string, file: string, { common }: Output): boolean {
  return common === undefined || (common.names.get(file)?.has(name) ?? false) === (common.folder === undefined);
}

/** Exports again what the common folder declares in a file. */
export function exportCommon(file: string, { common }: Output): string[] {
  if (common?.folder === undefined || !common.names.has(file)) return [];
  return [`export * from '${common.folder}/${file.replace('.ts', '.js')}';`];
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

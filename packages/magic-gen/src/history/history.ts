import type { Model } from '../model/model.js';
import { type Kind, kinds, namesOf } from './names.js';
import { compareKernels } from './versions.js';

/** For each name, the first known kernel that has it. */
export type FirstKernels = Readonly<Record<Kind, Readonly<Record<string, string>>>>;

/**
 * What is known about the past. The names of `linux/` headers are common to all architectures and dated by the first
 * kernel whose header has them for any. The names of `asm/` headers are kept for each architecture.
 */
export interface History {
  schema: 1;
  /** The kernels whose headers were read, oldest first, by architecture. */
  kernels: Readonly<Record<string, readonly string[]>>;
  common: FirstKernels;
  /** By architecture. */
  own: Readonly<Record<string, FirstKernels>>;
}

/** A history of nothing. */
export const emptyHistory: History = { schema: 1, kernels: {}, common: forEachKind(() => ({})), own: {} };

function forEachKind<T extends Readonly<Record<string, string>>>(make: (kind: Kind) => T): Record<Kind, T> {
  return Object.fromEntries(kinds.map((kind) => [kind, make(kind)])) as Record<Kind, T>;
}

/** What one model adds to the history: its kernel has its names. */
export function historyOf(model: Model): History {
  const common = forEachKind((): Record<string, string> => ({}));
  const own = forEachKind((): Record<string, string> => ({}));
  for (const { kind, name, file } of namesOf(model)) {
    (file.startsWith('asm/') ? own : common)[kind][name] = model.kernel;
  }
  return { schema: 1, kernels: { [model.arch]: [model.kernel] }, common, own: { [model.arch]: own } };
}

/** Merges two histories. The earlier of two dates counts, so the order of merging does not matter. */
export function mergeHistories(a: History, b: History): History {
  return {
    schema: 1,
    kernels: mergeRecords(a.kernels, b.kernels, (x = [], y = []) => {
      return [...new Set([...x, ...y])].toSorted(compareKernels);
    }),
    common: mergeFirstKernels(a.common, b.common),
    own: mergeRecords(a.own, b.own, mergeFirstKernels),
  };
}

function mergeFirstKernels(a: FirstKernels = emptyHistory.common, b: FirstKernels = emptyHistory.common): FirstKernels {
  return forEachKind((kind) => mergeRecords(a[kind], b[kind], earlier));
}

function earlier(a: string | undefined, b: string | undefined): string {
  return [a, b].filter((kernel) => kernel !== undefined).toSorted(compareKernels)[0] ?? '';
}

/** Sorted by name, so that equal histories have equal text. */
function mergeRecords<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  merge: (x: T | undefined, y: T | undefined) => T,
): Readonly<Record<string, T>> {
  const own = (record: Readonly<Record<string, T>>, name: string): T | undefined =>
    Object.hasOwn(record, name) ? record[name] : undefined;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
  return Object.fromEntries(names.map((name) => [name, merge(own(a, name), own(b, name))]));
}

/** The first known kernel that has a name on an architecture; undefined where no known kernel has it. */
export function firstKernel(history: History, kind: Kind, name: string, arch: string): string | undefined {
  const look = (firsts: FirstKernels | undefined): string[] => {
    const names = firsts?.[kind] ?? {};
    return Object.hasOwn(names, name) ? [names[name] ?? ''] : [];
  };
  // A name may have moved from one header to another.
  return [...look(history.common), ...look(history.own[arch])].toSorted(compareKernels)[0];
}

/** The kernels known for an architecture; without one, for all. */
export function knownKernels(history: History, arch?: string): string[] {
  const lists = arch === undefined ? Object.values(history.kernels) : [history.kernels[arch] ?? []];
  return [...new Set(lists.flat())].toSorted(compareKernels);
}

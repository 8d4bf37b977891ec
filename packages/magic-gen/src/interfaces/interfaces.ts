import { readFileSync } from 'node:fs';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { type HeaderSet, includeFrom } from '../headers/find.js';
import type { Model } from '../model/model.js';
import { findTarget, type TargetDescription } from '../targets/index.js';

/** One of the kernel's interfaces: its headers, and where its TypeScript goes. `interfaces.json` is the table. */
export interface Interface {
  /** Its name on the command line: "kvm". */
  name: string;
  /** The headers with its constants, types and ioctls. */
  roots: readonly string[];
  /** The architectures that have it. */
  architectures: readonly string[];
  /**
   * The architectures that share one committed TypeScript. Whenever it is made from headers, all of them are checked to
   * give the same. Absent: each architecture has a folder of its own.
   */
  shared?: readonly string[];
  /** The repository's folder for the TypeScript. */
  folder: string;
  /** Where the TypeScript imports the struct runtime from: a folder of modules, or one module of a package. */
  runtime: string;
}

/** Every interface that magic-gen knows. */
export const interfaces: readonly Interface[] = JSON.parse(
  readFileSync(new URL('../../interfaces.json', import.meta.url), 'utf8'),
);

/** @throws MagicGenError for an unknown name. */
export function findInterface(name: string): Interface {
  const found = interfaces.find((each) => each.name === name);
  if (found) return found;
  const known = interfaces.map((each) => each.name).join(', ');
  throw new MagicGenError(`unknown interface '${name}'; known: ${known}`);
}

/** Interfaces by name: "virtio,vhost", or "all". @throws MagicGenError for an unknown name. */
export function findInterfaces(list: string): readonly Interface[] {
  if (list === 'all') return interfaces;
  return [...new Set(list.split(',').map((name) => name.trim()))].map(findInterface);
}

/** The interface of a model; undefined where its headers belong to none. */
export function interfaceOf({ roots }: Pick<Model, 'roots'>): Interface | undefined {
  return interfaces.find((each) => roots.length > 0 && roots.every((root) => each.roots.includes(root)));
}

/** Whether the target's architecture has it. */
export function isOn({ architectures }: Interface, { arch }: TargetDescription): boolean {
  return architectures.includes(arch);
}

/** The targets whose TypeScript this repository keeps or compares. */
export function targetsOf({ architectures, shared }: Interface): TargetDescription[] {
  return (shared ?? architectures).map(findTarget);
}

/** The root headers that a header set has; none where the architecture lacks the interface. */
export function rootsOrNone(headers: HeaderSet, each: Interface, target: TargetDescription): string[] {
  const include = includeFrom(headers);
  return isOn(each, target) ? each.roots.filter((root) => include(root) !== undefined) : [];
}

/**
 * The root headers that a header set has. An older kernel lacks the newer ones.
 *
 * @throws NoHeadersError where it has none, or the architecture lacks the interface.
 */
export function rootsIn(headers: HeaderSet, each: Interface, target: TargetDescription): string[] {
  if (!isOn(each, target)) {
    throw new NoHeadersError(`${each.name} is an interface of ${each.architectures.join(', ')}, not of ${target.arch}`);
  }
  const roots = rootsOrNone(headers, each, target);
  if (roots.length > 0) return roots;
  const [first, ...others] = each.roots;
  const names = others.length > 0 ? `neither ${first} nor ${others.length} others` : `no ${first}`;
  throw new NoHeadersError(`no headers of ${each.name} in ${headers.directories.join(' or ')}: ${names}`);
}

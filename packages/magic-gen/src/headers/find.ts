import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MagicGenError, NoHeadersError } from '../errors.js';
import type { Include } from '../preprocess/preprocess.js';
import { targets } from '../targets/index.js';
import type { TargetDescription } from '../targets/target.js';
import { type Foreign, foreignHeader } from './foreign.js';
import { includeDirectories } from './own.js';

/** The headers of one kernel for one architecture. */
export interface HeaderSet {
  /** Where headers are looked for, in order. */
  directories: readonly string[];
  /** The kernel release they come from: "6.1". */
  kernel: string;
}

export interface FindOptions {
  /** What `make headers_install` filled, or its like; the running system's headers where absent. */
  directory?: string | undefined;
  target: TargetDescription;
}

/** What a header set must have to be one. */
const needed = ['linux/kvm.h', 'asm/kvm.h', 'linux/version.h'];

/**
 * Finds a header set.
 *
 * @throws NoHeadersError that lists what is missing and where it was looked for; MagicGenError where the directory is none,
 *   or its headers do not say of which kernel they are.
 */
export function findHeaders({ directory, target }: FindOptions): HeaderSet {
  const system = '/usr/include';
  const bases =
    directory === undefined ? [system] : [directory, join(directory, 'include'), join(directory, 'usr/include')];
  if (directory !== undefined && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new MagicGenError(`${directory} is not a directory`);
  }
  const candidates = bases
    .flatMap((base) => layouts(base, target))
    .map((directories) => directories.filter((path) => existsSync(path)));
  let foreign: Foreign | undefined;
  for (const directories of candidates) {
    if (missing(directories).length > 0) continue;
    const path = resolve(directories, 'asm/kvm.h') ?? '';
    const other = foreignHeader(path, readFileSync(path, 'utf8'), target, targets);
    if (!other) return { directories, kernel: readKernelVersion(directories) };
    foreign ??= other;
  }
  if (foreign) {
    throw new NoHeadersError(`these are headers for ${foreign.arch}, not for ${target.arch}`, foreign.where);
  }
  const best = candidates.toSorted((a, b) => missing(a).length - missing(b).length)[0] ?? [];
  const looked = best.length > 0 ? best : bases;
  throw new NoHeadersError(
    `no kernel headers for ${target.arch}: ${missing(best).join(' and ')} not found in ${looked.join(' or ')}` +
      (directory === undefined ? '; on Debian, install linux-libc-dev' : ''),
  );
}

/** The ways Debian keeps what depends on the architecture apart: the directories to look in, for a base like /usr/include. */
function layouts(base: string, { arch, multiarch }: TargetDescription): string[][] {
  return [
    [join(base, multiarch), base],
    // Since Debian 13 one package holds all architectures; the directories above are links into this one.
    [join(base, '../lib/linux/uapi', arch), base],
    // A cross compiler's package is a whole set of its own.
    [join(base, '..', multiarch, 'include')],
  ];
}

/** How `#include` finds a header of the set. */
export function includeFrom(headers: HeaderSet): Include {
  const directories = includeDirectories(headers);
  return (name) => {
    const path = resolve(directories, name);
    return path === undefined ? undefined : { path, text: readFileSync(path, 'utf8') };
  };
}

function resolve(directories: readonly string[], name: string): string | undefined {
  return directories
    .map((directory) => join(directory, name))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

function missing(directories: readonly string[]): string[] {
  return needed.filter((name) => resolve(directories, name) === undefined);
}

function readKernelVersion(directories: readonly string[]): string {
  const path = resolve(directories, 'linux/version.h') ?? '';
  const code = /^#define LINUX_VERSION_CODE (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
  if (code === undefined) throw new MagicGenError(`${path} does not define LINUX_VERSION_CODE`);
  return `${Number(code) >> 16}.${(Number(code) >> 8) & 0xff}`;
}

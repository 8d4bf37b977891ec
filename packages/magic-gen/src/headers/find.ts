import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { evaluate } from '../language/evaluate.js';
import { preprocessorIntegers } from '../language/integers.js';
import { parseExpression } from '../parse/parse.js';
import { type Include, preprocess } from '../preprocess/preprocess.js';
import { targets } from '../targets/index.js';
import type { TargetDescription } from '../targets/target.js';
import { type Foreign, foreignHeader } from './foreign.js';
import { asmLink } from './link.js';
import { includeDirectories } from './own.js';

/** The headers of one kernel for one architecture. */
export interface HeaderSet {
  /** The folders to search, in order. */
  directories: readonly string[];
  /** The kernel release they come from: "6.1". */
  kernel: string;
}

export interface FindOptions {
  /** A folder as `make headers_install` fills it, or similar. Absent: the running system's headers. */
  directory?: string | undefined;
  /**
   * The kernel release of the headers ("6.12"). Required where there is no `linux/version.h`; it overrides that header.
   */
  kernelVersion?: string | undefined;
  target: TargetDescription;
}

/** The headers that every header set must have. */
const needed = ['linux/kvm.h', 'asm/kvm.h'];
const versionHeader = 'linux/version.h';

/**
 * Finds a header set.
 *
 * @throws NoHeadersError that lists what is missing and where it was searched. MagicGenError where the directory does
 * not exist, or its headers do not state their kernel.
 */
export function findHeaders({ directory, kernelVersion, target }: FindOptions): HeaderSet {
  const system = '/usr/include';
  const bases =
    directory === undefined ? [system] : [directory, join(directory, 'include'), join(directory, 'usr/include')];
  if (directory !== undefined && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new MagicGenError(`${directory} is not a directory`);
  }
  const requested = kernelVersion === undefined ? undefined : parseKernelVersion(kernelVersion);
  const candidates = bases
    .flatMap((base) => layouts(base, target))
    .map((directories) => directories.filter((path) => existsSync(path)));
  let foreign: Foreign | undefined;
  const found: string[][] = [];
  for (const directories of candidates) {
    if (missing(directories).length > 0) continue;
    const path = resolve(directories, 'asm/kvm.h') ?? '';
    const other = foreignHeader(path, readFileSync(path, 'utf8'), target, targets);
    if (other) foreign ??= other;
    else found.push(directories);
  }
  // Of two folders, one that states its version is preferred.
  const directories = found.find((each) => resolve(each, versionHeader) !== undefined) ?? found[0];
  if (directories) return { directories, kernel: requested ?? readKernelVersion(directories) };
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

/** Where the headers of the architecture are: for a base like /usr/include, the directories to search. */
function layouts(base: string, { arch, multiarch }: TargetDescription): string[][] {
  const own = join(base, `asm-${arch}`);
  return [
    [join(base, multiarch), base],
    // Since Debian 13 one package has all architectures; the directories above are links into it.
    [join(base, '../lib/linux/uapi', arch), base],
    // A cross compiler's package is a complete set of its own.
    [join(base, '..', multiarch, 'include')],
    // Android: asm-arm64/asm/kvm.h.
    [own, base],
    // QEMU: asm-arm64/kvm.h, which QEMU's build links as asm.
    ...(existsSync(join(own, 'kvm.h')) ? [[asmLink(own), base]] : []),
    // kvmtool: arm64/include/asm/kvm.h beside include/linux/kvm.h; before 2025 arm/aarch64/include.
    [join(base, '..', arch, 'include'), base],
    ...(arch === 'arm64' ? [[join(base, '../arm/aarch64/include'), base]] : []),
  ];
}

/** How `#include` finds a header of the set. */
export function includeFrom(headers: HeaderSet): Include {
  const directories = includeDirectories(headers);
  return (name) => {
    const path = resolve(directories, name);
    return path === undefined ? undefined : { path: realpathSync(path), text: readFileSync(path, 'utf8') };
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
  const path = resolve(directories, versionHeader);
  if (path === undefined) {
    throw new MagicGenError(
      `the headers in ${directories.join(' or ')} do not state their kernel: there is no ${versionHeader}; ` +
        'name the release with --kernel-version',
    );
  }
  const { macros, expander } = preprocess([versionHeader], '', includeFrom({ directories, kernel: '' }));
  const body = macros.get('LINUX_VERSION_CODE')?.body;
  if (body === undefined) throw new MagicGenError(`${path} does not define LINUX_VERSION_CODE`);
  const scope = { integers: preprocessorIntegers, name: () => undefined, typeOf: () => undefined };
  const code = Number(evaluate(parseExpression(expander.expand(body)), scope).value);
  return `${code >> 16}.${(code >> 8) & 0xff}`;
}

/** "6.12", or a release such as "6.12.3-rc1", whose first two numbers count. */
function parseKernelVersion(text: string): string {
  const version = /^(\d+\.\d+)(?:[.-].*)?$/.exec(text)?.[1];
  if (version === undefined) throw new MagicGenError(`'${text}' is not a kernel release, such as 6.12`);
  return version;
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MagicGenError } from '../src/errors.js';
import { findHeaders, type HeaderSet } from '../src/headers/find.js';
import { findTarget, type TargetDescription, targets } from '../src/targets/index.js';
import { findCompiler } from '../src/verify/compiler.js';
import { folderForTest } from './folder.js';

export const x86 = findTarget('x86');

function attempt<T>(make: () => T): { value: T } | { reason: string } {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof MagicGenError) return { reason: error.message };
    throw error;
  }
}

const headers = attempt(() => findHeaders({ target: x86 }));

/** Why tests that need a compiler are skipped on this host; undefined where they run. */
export const noCompiler = noCompilerFor(x86);

/** Why tests on the running system's headers are skipped on this host. */
export const noHeaders = 'reason' in headers ? headers.reason : undefined;

/** The running system's headers; only in tests that `noHeaders` does not skip. */
export function systemHeaders(): HeaderSet {
  if ('reason' in headers) throw new Error(headers.reason);
  return headers.value;
}

/** Why tests that need a compiler for another machine are skipped on this host; undefined where they run. */
export function noCompilerFor({ target }: TargetDescription): string | undefined {
  const found = attempt(() => findCompiler(target));
  return 'reason' in found ? found.reason : undefined;
}

/** The targets that this host has a compiler for. */
export function compiledTargets(): readonly TargetDescription[] {
  return targets.filter((target) => noCompilerFor(target) === undefined);
}

/** The built command line. */
export const builtMain = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Why tests of the command line are skipped; undefined where they run. */
export const notBuilt = existsSync(builtMain) ? undefined : 'the package is not built';

const printed = new Set<string>();

/**
 * The title of a test that may be skipped: with the reason in it, which is also printed once for each file of tests.
 * Without a reason, the title is unchanged.
 */
export function titled(title: string, reason: string | undefined): string {
  if (reason === undefined) return title;
  if (!printed.has(reason)) process.stdout.write(`${title}: skipped, ${reason}\n`);
  printed.add(reason);
  return `${title} (skipped: ${reason})`;
}

/**
 * Real headers for a target: those of the folders that MAGIC_GEN_HEADERS names, then the system's. Empty where there
 * are none.
 */
export function realHeaders(target: TargetDescription): HeaderSet[] {
  const named = (process.env['MAGIC_GEN_HEADERS'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...named, undefined].flatMap((directory) => {
    const found = attempt(() => findHeaders({ directory, target }));
    return 'value' in found ? [found.value] : [];
  });
}

/** Why tests on real headers for a target are skipped on this host; undefined where they run. */
export function noRealHeaders(target: TargetDescription): string | undefined {
  const reason = noCompilerFor(target);
  if (reason !== undefined) return reason;
  return realHeaders(target).length > 0
    ? undefined
    : `no headers for ${target.name}: MAGIC_GEN_HEADERS can name directories that have them`;
}

/** Runs the built command line, with a cache of its own. */
export function magicGen(...args: string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: folderForTest() };
  const { status, stdout, stderr } = spawnSync(process.execPath, [builtMain, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

/** Why tests that run these programs are skipped on this host; undefined where they run. */
export function without(...programs: readonly string[]): string | undefined {
  const missing = programs.find((program) => spawnSync(program, ['--version']).error !== undefined);
  return missing && `there is no ${missing}`;
}

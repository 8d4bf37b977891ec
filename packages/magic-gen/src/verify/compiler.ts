import { spawnSync } from 'node:child_process';
import { MagicGenError } from '../errors.js';
import type { HeaderSet } from '../headers/find.js';
import { includeDirectories } from '../headers/own.js';
import type { Target } from '../model/model.js';
import { type Run, run } from '../run.js';

/** A C compiler that makes code for the target. */
export interface Compiler {
  /** Its own name: "gcc (Debian 12.2.0-14) 12.2.0". */
  version: string;
  command: string;
  args: readonly string[];
}

/**
 * Debian adds the version to the name of a clang that is not the release's default. The first that knows the target is
 * used.
 */
const clangs = ['clang', ...[22, 21, 20, 19, 18, 17, 16, 15, 14].map((version) => `clang-${version}`)];

/**
 * Finds a compiler: the one that the environment names as CC, else gcc for the host, else a clang, which compiles for
 * any machine.
 *
 * @throws MagicGenError where there is none for the target.
 */
export function findCompiler(target: Target): Compiler {
  const named = process.env['CC'];
  for (const candidate of named ? [named] : ['gcc', ...clangs]) {
    const compiler = tryCompiler(candidate, target);
    if (compiler) return compiler;
  }
  throw new MagicGenError(
    named
      ? `no C compiler for ${target.triple}: CC names ${named}, which makes no code for it`
      : `no C compiler for ${target.triple}: neither gcc nor clang makes code for it here; on Debian, install clang-19`,
  );
}

function tryCompiler(candidate: string, { triple }: Target): Compiler | undefined {
  const [command = '', ...args] = candidate.split(/\s+/).filter((word) => word !== '');
  const ask = (...more: string[]): { ok: boolean; line: string } => {
    const { status, stdout } = spawnSync(command, [...args, ...more], { encoding: 'utf8', input: '' });
    return { ok: status === 0, line: stdout?.split('\n')[0] ?? '' };
  };
  const { line: version } = ask('--version');
  if (version === '') return undefined;
  if (version.includes('clang')) {
    const chosen = `--target=${triple}`;
    // An older clang lacks the newer machines.
    const { ok } = ask(chosen, '-fsyntax-only', '-x', 'c', '-');
    return ok ? { version, command, args: [...args, chosen] } : undefined;
  }
  const machine = ask('-dumpmachine').line;
  return machine.split('-')[0] === triple.split('-')[0] ? { version, command, args } : undefined;
}

/** Compiles a text that sees the headers under test and no others. */
export function runCompiler(
  compiler: Compiler,
  headers: HeaderSet,
  source: string,
  options: readonly string[],
): Promise<Run> {
  const includes = includeDirectories(headers).flatMap((directory) => ['-isystem', directory]);
  const args = [...compiler.args, '-std=gnu11', '-w', '-nostdinc', ...includes, ...options, '-x', 'c', '-'];
  return run(compiler.command, args, { input: source, missing: 'a model is verified with a C compiler' });
}

/** The lines of the text that have messages, each with its first message. */
export function linesInError({ stderr }: Run): Map<number, string> {
  const lines = new Map<number, string>();
  let latest = 'rejected';
  for (const message of stderr.split('\n')) {
    const error = /error: (.*)$/.exec(message)?.[1];
    if (error !== undefined) latest = error;
    const line = /^<stdin>:(\d+):\d+: (?:error|note):/.exec(message)?.[1];
    if (line !== undefined && !lines.has(Number(line))) lines.set(Number(line), latest);
  }
  return lines;
}

import { execFile, spawnSync } from 'node:child_process';
import { MagicGenError } from '../errors.js';
import type { HeaderSet } from '../headers/find.js';
import type { Target } from '../model/model.js';

/** A C compiler that makes code for the target. */
export interface Compiler {
  /** Its own word for itself: "gcc (Debian 12.2.0-14) 12.2.0". */
  version: string;
  command: string;
  args: readonly string[];
}

export interface CompilerRun {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Finds a compiler: what the environment names as CC, else gcc or clang. A gcc makes code for one machine only; a clang
 * for any.
 *
 * @throws MagicGenError where there is none for the target.
 */
export function findCompiler(target: Target): Compiler {
  const named = process.env['CC'];
  const candidates = named ? [named] : ['gcc', `${target.triple}-gcc`, 'clang'];
  for (const candidate of candidates) {
    const [command = '', ...args] = candidate.split(/\s+/).filter((word) => word !== '');
    const version = spawnSync(command, [...args, '--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];
    if (!version) continue;
    if (version.includes('clang')) return { version, command, args: [...args, `--target=${target.triple}`] };
    const machine = spawnSync(command, [...args, '-dumpmachine'], { encoding: 'utf8' }).stdout?.trim() ?? '';
    if (machine.split('-')[0] === target.triple.split('-')[0]) return { version, command, args };
  }
  throw new MagicGenError(`no C compiler for ${target.triple}: tried ${candidates.join(', ')}; CC can name another`);
}

/** Runs the compiler on a text that sees the headers under test, and no others. */
export function runCompiler(
  compiler: Compiler,
  headers: HeaderSet,
  source: string,
  options: readonly string[],
): Promise<CompilerRun> {
  const includes = headers.directories.flatMap((directory) => ['-isystem', directory]);
  const args = [...compiler.args, '-std=gnu11', '-w', '-nostdinc', ...includes, ...options, '-x', 'c', '-'];
  return new Promise((resolve) => {
    const child = execFile(
      compiler.command,
      args,
      { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } },
      (error, stdout, stderr) => resolve({ ok: error === null, stdout, stderr }),
    );
    // A compiler that stops early closes its input; what it had to say is in its messages.
    child.stdin?.on('error', () => {});
    child.stdin?.end(source);
  });
}

/** The lines of the text itself that the messages are about, each with the first thing said of it. */
export function linesInError(run: CompilerRun): Map<number, string> {
  const lines = new Map<number, string>();
  let latest = 'rejected';
  for (const message of run.stderr.split('\n')) {
    const error = /error: (.*)$/.exec(message)?.[1];
    if (error !== undefined) latest = error;
    const line = /^<stdin>:(\d+):\d+: (?:error|note):/.exec(message)?.[1];
    if (line !== undefined && !lines.has(Number(line))) lines.set(Number(line), latest);
  }
  return lines;
}

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const here = join(import.meta.dirname, '..');
const built = join(import.meta.dirname, 'baseline');

/** Compiles the baseline with the host's C compiler. Returns the command that starts it. */
export function buildBaseline(): string[] {
  const sources = readdirSync(join(here, 'baseline'))
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(here, 'baseline', name));
  mkdirSync(built, { recursive: true });
  const program = join(built, 'c');
  compile(process.env['CC'] ?? 'cc', ['-O2', '-Wall', '-Wextra', '-pthread', ...sources, '-o', program]);
  return [program];
}

/** Builds the Go program, if Go is installed. */
export function buildGo(): string[] | undefined {
  mkdirSync(built, { recursive: true });
  const program = join(built, 'go');
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  compile('go', ['build', '-o', program, '.'], join(here, 'go'));
  return [program];
}

function compile(compiler: string, args: readonly string[], cwd?: string): void {
  try {
    execFileSync(compiler, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    const reason = code === 'ENOENT' ? `there is no ${compiler} here: the baseline is C` : (stderr ?? String(error));
    throw new Error(`cannot build the benchmarks: ${reason}`);
  }
}

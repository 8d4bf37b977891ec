import { execFile } from 'node:child_process';
import { MagicGenError } from './errors.js';

/** How a program ended, and its output. */
export interface Run {
  ok: boolean;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** The program's input; empty where absent. */
  input?: string;
  /** What to tell the user where the program is not installed. */
  missing: string;
}

/** A required program is not installed. */
export class MissingProgramError extends MagicGenError {}
MissingProgramError.prototype.name = 'MissingProgramError';

/**
 * Runs a program to its end, with messages in English, because they are parsed.
 *
 * @throws MissingProgramError where the program is not installed. MagicGenError where the disk is full.
 */
export function run(command: string, args: readonly string[], { cwd, input = '', missing }: RunOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const options = { cwd, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } } as const;
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(new MissingProgramError(`${command} is not installed: ${missing}`));
      else if (/No space left on device/.test(stderr))
        reject(new MagicGenError(`${command}: no space left on the disk`));
      else resolve({ ok: error === null, stdout, stderr });
    });
    // A program that stops early closes its input; the reason is in its messages.
    child.stdin?.on('error', () => {});
    // Nobody can answer a question: a program that would ask must fail.
    child.stdin?.end(input);
  });
}

/** The last lines of a program's output, which usually tell why it failed. */
export function lastLines(text: string, count = 3): string {
  return text.trim().split('\n').slice(-count).join('\n    ');
}

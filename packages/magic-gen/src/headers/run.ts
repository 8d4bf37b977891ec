import { execFile } from 'node:child_process';
import { MagicGenError } from '../errors.js';

/** A program's end, and what it said. */
export interface Run {
  ok: boolean;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** What to tell the person where the program is not installed. */
  missing: string;
}

/**
 * Runs a program to its end, with its messages in English, for they are read.
 *
 * @throws MagicGenError where the program is not installed, or the disk is full.
 */
export function run(command: string, args: readonly string[], { cwd, missing }: RunOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const options = { cwd, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } } as const;
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(new MagicGenError(`${command} is not installed: ${missing}`));
      else if (/No space left on device/.test(stderr))
        reject(new MagicGenError(`${command}: no space left on the disk`));
      else resolve({ ok: error === null, stdout, stderr });
    });
    // Nothing is to be asked of the person: a program that would ask must fail.
    child.stdin?.end();
  });
}

/** The last lines of what a program said, which tell why it failed. */
export function lastLines(text: string, count = 3): string {
  return text.trim().split('\n').slice(-count).join('\n    ');
}

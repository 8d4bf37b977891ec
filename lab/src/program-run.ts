import { spawn } from 'node:child_process';
import { LabError } from './errors.js';

/** A program's end, and what it said. */
export interface Run {
  ok: boolean;
  stdout: Buffer;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** What the program reads; nothing where absent. */
  input?: Uint8Array;
  /** What to tell the person where the program is not installed. */
  missing: string;
}

/**
 * Runs a program to its end, with its messages in English, for they are read. Its output may be a kernel.
 *
 * @throws LabError where the program is not installed, or the disk is full.
 */
export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, LC_ALL: 'C' }, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      reject(new LabError(isMissing ? `${command} is not installed: ${options.missing}` : error.message));
    });
    child.on('close', (code) => {
      if (/No space left on device|not have enough free space/.test(stderr)) {
        reject(new LabError(`${command}: no space left on the disk`));
      } else {
        resolve({ ok: code === 0, stdout: Buffer.concat(stdout), stderr });
      }
    });
    // A program that stops early closes its input; what it had to say is in its messages.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

/** The last lines of what a program said, which tell why it failed. */
export function lastLines(text: string, count = 3): string {
  return text.trim().split('\n').slice(-count).join('\n    ');
}

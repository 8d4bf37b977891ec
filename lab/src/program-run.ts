import { spawn } from 'node:child_process';
import { LabError } from './errors.js';

/** The result and the output of a program. */
export interface Run {
  ok: boolean;
  stdout: Buffer;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** The standard input of the program; empty by default. */
  input?: Uint8Array;
  /** The advice for the user if the program is not installed. */
  missing: string;
}

/**
 * Runs a program to its end. Its messages are in English, because this program parses them. Its output may be as large
 * as a kernel.
 *
 * @throws LabError if the program is not installed or the disk is full.
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
    // A program that stops early closes its input. Its messages tell why.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

/** The last lines of a program's messages, which tell why it failed. */
export function lastLines(text: string, count = 3): string {
  return text.trim().split('\n').slice(-count).join('\n    ');
}

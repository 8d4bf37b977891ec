import { inspect } from 'node:util';
import { MagicGenError } from '../errors.js';

/**
 * Says what went wrong, and sets the exit status. What the input or the system is at fault for (no space, no
 * permission) is told in one message; of what is magic-gen's own fault the stack is wanted.
 */
export function reportFailure(error: unknown, status: number): void {
  const isTheirs = error instanceof MagicGenError || (error instanceof Error && 'syscall' in error);
  // A line of progress may still stand there.
  const clear = process.stderr.isTTY ? '\r\u001b[K' : '';
  process.stderr.write(`${clear}${isTheirs ? `magic-gen: ${error.message}` : inspect(error)}\n`);
  process.exitCode = status;
}

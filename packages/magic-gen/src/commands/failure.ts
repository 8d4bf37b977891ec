import { inspect } from 'node:util';
import { MagicGenError } from '../errors.js';

/**
 * Reports an error and sets the exit status. A fault of the input or the system (no space, no permission) is one
 * message; a fault of magic-gen itself shows its stack.
 */
export function reportFailure(error: unknown, status: number): void {
  const isTheirs = error instanceof MagicGenError || (error instanceof Error && 'syscall' in error);
  // A line of progress may still be there.
  const clear = process.stderr.isTTY ? '\r\u001b[K' : '';
  process.stderr.write(`${clear}${isTheirs ? `magic-gen: ${error.message}` : inspect(error)}\n`);
  process.exitCode = status;
}

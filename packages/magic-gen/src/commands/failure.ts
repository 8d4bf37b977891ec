import { MagicGenError } from '../errors.js';

/**
 * Says what went wrong, in one message, and sets the exit status. What is magic-gen's own fault goes on as it is, for its
 * stack is wanted; what the input or the system is at fault for (no space, no permission) needs none.
 */
export function reportFailure(error: unknown, status: number): void {
  if (!(error instanceof MagicGenError || (error instanceof Error && 'syscall' in error))) throw error;
  // A line of progress may still stand there.
  const clear = process.stderr.isTTY ? '\r\u001b[K' : '';
  process.stderr.write(`${clear}magic-gen: ${error.message}\n`);
  process.exitCode = status;
}

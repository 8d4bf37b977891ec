#!/usr/bin/env node
import { Command } from 'commander';
import { addDiff } from './commands/diff.js';
import { addDump } from './commands/dump.js';
import { addFacts } from './commands/facts.js';
import { addGen } from './commands/gen.js';
import { addHistory } from './commands/history.js';
import { addVerify } from './commands/verify.js';
import { MagicGenError } from './errors.js';

const program = new Command('magic-gen').description("Reads the kernel's headers and says what KVM's interface is.");
for (const add of [addDump, addGen, addVerify, addHistory, addFacts, addDiff]) add(program);

// Whoever reads the output may have had enough of it: `magic-gen dump | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!isExpected(error)) throw error;
  process.stderr.write(`magic-gen: ${error.message}\n`);
  process.exitCode = 1;
}

/** What is no fault of magic-gen's own: its input, and what the system refuses (no space, no permission). */
function isExpected(error: unknown): error is Error {
  return error instanceof MagicGenError || (error instanceof Error && 'syscall' in error);
}

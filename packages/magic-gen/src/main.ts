#!/usr/bin/env node
import { Command } from 'commander';
import { addDiff } from './commands/diff.js';
import { addDump } from './commands/dump.js';
import { addFacts } from './commands/facts.js';
import { reportFailure } from './commands/failure.js';
import { addGen } from './commands/gen.js';
import { addHistory } from './commands/history.js';
import { addShow } from './commands/show.js';
import { addVerify } from './commands/verify.js';

const program = new Command('magic-gen').description("Reads the kernel's headers and shows what KVM's interface is.");
for (const add of [addDump, addGen, addVerify, addHistory, addFacts, addDiff, addShow]) add(program);

// The reader may close the pipe early: `magic-gen dump | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  reportFailure(error, 1);
}

#!/usr/bin/env node
import { CommanderError } from 'commander';
import { ExitStatus, statusOf } from './exit-status.js';
import { stderr, stdout } from './output/stream-sink.js';
import { createProgram } from './program.js';

async function main(): Promise<number> {
  let status: number = ExitStatus.Ok;
  const program = createProgram((given) => {
    status = given;
  });
  try {
    await program.parseAsync();
    return status;
  } catch (error) {
    // commander has said it already; help and version come this way, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Ok : ExitStatus.Failure;
    stderr.write(`kvm-cli: ${error instanceof Error ? error.message : String(error)}\n`);
    return statusOf(error);
  }
}

const status = await main();
await Promise.all([stdout.flushed(), stderr.flushed()]);
// Not left to itself: a stream that nobody reads from would keep the process, and standard input may be one.
process.exit(stdout.closed && status === ExitStatus.Ok ? ExitStatus.OutputClosed : status);

#!/usr/bin/env node
import { closeSync } from 'node:fs';
import { CommanderError } from 'commander';
import { ExitStatus, statusOf } from './exit-status.js';
import { stderr, stdout } from './output/stream-sink.js';
import { createProgram } from './program.js';
import { inBackground } from './terminal/job-control.js';

async function main(): Promise<number> {
  let status: number = ExitStatus.Ok;
  const program = createProgram((given) => {
    status = given;
  });
  try {
    await program.parseAsync();
    return status;
  } catch (error) {
    // commander has printed it; help and version come this way, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Ok : ExitStatus.Failure;
    stderr.write(`kvm-cli: ${error instanceof Error ? error.message : String(error)}\n`);
    return statusOf(error);
  }
}

/** What lost output makes of a status that was to be 0. */
function statusOfOutput(): number {
  const outputs = [stdout, stderr];
  if (outputs.some(({ problem }) => problem !== undefined)) return ExitStatus.Failure;
  return outputs.some(({ readerHasGone }) => readerHasGone) ? ExitStatus.OutputClosed : ExitStatus.Ok;
}

// At its end Node gives the terminal the settings it had at the start, even from the background, where the terminal is another
// program's. It leaves descriptors alone that are closed.
const startedInBackground = inBackground();
process.on('exit', () => {
  if (startedInBackground || inBackground()) for (const fd of [0, 1, 2]) closeIfOpen(fd);
});

function closeIfOpen(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed before.
  }
}

const status = await main();
await Promise.all([stdout.flushed(), stderr.flushed()]);
if (stdout.problem !== undefined) stderr.write(`kvm-cli: ${stdout.problem}\n`);
await stderr.flushed();
// A stream that nobody reads, and standard input, would keep the process alive.
process.exit(status === ExitStatus.Ok ? statusOfOutput() : status);

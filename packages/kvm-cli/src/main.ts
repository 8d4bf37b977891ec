#!/usr/bin/env node
import { closeSync } from 'node:fs';
import { CommanderError } from 'commander';
import { ExitStatus, statusOf } from './exit-status.js';
import { stderr, stdout } from './output/stream-sink.js';
import { createProgram } from './program.js';
import { inBackground } from './terminal/job-control.js';

async function main(): Promise<number> {
  let status: number = ExitStatus.Ok;
  const program = createProgram((result) => {
    status = result;
  });
  try {
    await program.parseAsync();
    return status;
  } catch (error) {
    // commander has printed the message. Help and version end this way, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Ok : ExitStatus.Failure;
    stderr.write(`kvm-cli: ${error instanceof Error ? error.message : String(error)}\n`);
    return statusOf(error);
  }
}

/** The status of a successful command, which depends on whether its output was written. */
function statusOfOutput(): number {
  const outputs = [stdout, stderr];
  if (outputs.some(({ problem }) => problem !== undefined)) return ExitStatus.Failure;
  return outputs.some(({ readerHasGone }) => readerHasGone) ? ExitStatus.OutputClosed : ExitStatus.Ok;
}

// At its end Node restores the settings that the terminal had at the start, even from the background, where another
// program uses the terminal. It does not do so for closed descriptors.
const startedInBackground = inBackground();
process.on('exit', () => {
  if (startedInBackground || inBackground()) for (const fd of [0, 1, 2]) closeIfOpen(fd);
});

function closeIfOpen(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed already.
  }
}

const status = await main();
await Promise.all([stdout.flushed(), stderr.flushed()]);
if (stdout.problem !== undefined) stderr.write(`kvm-cli: ${stdout.problem}\n`);
await stderr.flushed();
// Standard input, and output that nobody reads, would keep the process alive.
process.exit(status === ExitStatus.Ok ? statusOfOutput() : status);

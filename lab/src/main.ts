#!/usr/bin/env node
import { CommanderError } from 'commander';
import { cacheDirectory } from './cache.js';
import { LabError, StoppedError } from './errors.js';
import { createProgram } from './program.js';

/** The exit status for errors of the lab itself, which few commands use. */
const failed = 125;

async function main(): Promise<number> {
  let status = 0;
  const interruption = new AbortController();
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => interruption.abort(new StoppedError(`ended by ${signal}`, 128 + number)));
  }
  try {
    await createProgram(interruption.signal, (given) => {
      status = given;
    }).parseAsync();
    return status;
  } catch (error) {
    // commander has already printed the message. Help is reported this way, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : failed;
    process.stderr.write(`lab: ${explain(error)}\n`);
    return error instanceof StoppedError ? error.status : failed;
  }
}

function explain(error: unknown): string {
  if (error instanceof LabError) {
    return error.console ? `${error.message}\nThe machine's console, at its end:\n${error.console}` : error.message;
  }
  if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
    return `no space left on the disk: the cache is ${cacheDirectory()}, and \`lab clean\` empties it`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

process.exitCode = await main();
// Standard input may still be open.
process.stdin.destroy();

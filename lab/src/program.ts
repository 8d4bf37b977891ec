import { Command, InvalidArgumentError } from 'commander';
import { architectures } from './architecture/index.js';
import { clean } from './commands/clean.js';
import { type FetchFlags, fetchAll } from './commands/fetch.js';
import { list } from './commands/list.js';
import { type RunFlags, run } from './commands/run.js';
import { type TestFlags, test } from './commands/test.js';

/** The command line. @param end Called with the exit status. */
export function createProgram(signal: AbortSignal, end: (status: number) => void): Command {
  const program = new Command('lab')
    .description(
      "Machines under QEMU's software emulation that have a KVM of their own: other kernels, other architectures.",
    )
    .exitOverride();
  const names = architectures.map(({ name }) => name).join(', ');

  program
    .command('run')
    .description("run a command in a lab on the host's files; its writes are discarded at the end")
    .argument('[command...]', 'the command, after --')
    .option('--kernel <version>', 'a line such as 6.12, a version such as 6.12.118, or newest')
    .option('--arch <name>', names, 'x86')
    .option('--cpus <number>', 'number of processors', countFrom1, 1)
    .option('--mem <size>', 'memory size, such as 512M or 2G', megabytes, 1024)
    .option('--timeout <seconds>', 'end a command that takes longer, with status 124', countFrom1)
    .option('--share <folder>', 'a folder that the command may write to; repeatable', collect, [])
    .option('--shell', 'run a shell, or the command, on this terminal')
    .option('--json', 'print the phases and their times to stderr as JSON')
    .option('--steps', 'print each step to stderr on a line of its own')
    .option('--gdb <port>', 'wait for gdb on this port', countFrom1)
    .action(async (command: string[], flags: RunFlags) => end(await run(command, flags, signal)));

  program
    .command('test')
    .description('run the suites of @kvm/core and other packages in labs, and print one table of results')
    .argument('[part...]', 'only test files with one of these in their paths')
    .option('--kernel <version>', 'as for run; repeatable; default: the usual ones', collect, [])
    .option('--arch <name>', `${names}; repeatable; default: all`, collect, [])
    .option('--package <name>', 'core, vmm or cli; repeatable; default: core', collect, [])
    .option('--jobs <number>', 'number of labs that run at the same time', countFrom1, 2)
    .action(async (parts: string[], flags: TestFlags) => end(await test(parts, flags, signal)));

  program
    .command('list')
    .description('list the available kernels and architectures, and which are in the cache')
    .option('--fresh', 'ask the archive even if that was done today')
    .option('--json', 'print JSON')
    .action((flags: { fresh?: boolean; json?: boolean }) => list(flags));

  program
    .command('fetch')
    .description('download everything that labs need to run without a network')
    .option('--arch <name>', `${names}; default: all`)
    .option('--kernel <version>', 'as for run; default: the newest of each line')
    .option('--tested', 'only the kernels that `lab test` runs on')
    .action((flags: FetchFlags) => fetchAll(flags));

  program
    .command('clean')
    .description('empty the cache')
    .action(() => clean());
  return program;
}

function countFrom1(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 31)
    throw new InvalidArgumentError('it must be an integer of at least 1.');
  return value;
}

function megabytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,7})([MG]?)$/i.exec(text) ?? [];
  const value = Number(digits) * (unit.toUpperCase() === 'G' ? 1024 : 1);
  if (digits === '' || value < 128)
    throw new InvalidArgumentError('it must be a size of at least 128M, such as 512M or 2G.');
  return value;
}

function collect(folder: string, before: string[]): string[] {
  return [...before, folder];
}

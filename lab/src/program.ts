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
      "Machines under QEMU's software emulation with a KVM of their own: other kernels, other architectures.",
    )
    .exitOverride();
  const names = architectures.map(({ name }) => name).join(', ');

  program
    .command('run')
    .description("runs a command in a lab, on the host's files; what it writes there is gone afterwards")
    .argument('[command...]', 'the command, after --')
    .option('--kernel <version>', 'a line as 6.12, a version as 6.12.118, or newest')
    .option('--arch <name>', names, 'x86')
    .option('--cpus <number>', 'how many processors it has', countFrom1, 1)
    .option('--mem <size>', 'its memory: 512M, 2G', megabytes, 1024)
    .option('--timeout <seconds>', 'ends a command that takes longer, with status 124', countFrom1)
    .option('--share <folder>', 'a folder the command may write to; may be given again', collect, [])
    .option('--shell', 'a shell on this terminal, or the command on it')
    .option('--json', 'tells the phases and their times on stderr, as JSON')
    .option('--gdb <port>', 'the machine waits for gdb at this port', countFrom1)
    .action(async (command: string[], flags: RunFlags) => end(await run(command, flags, signal)));

  program
    .command('test')
    .description('runs the suites of @kvm/core, and of others, in labs, and shows one table of their results')
    .argument('[part...]', 'only test files with one of these in their paths')
    .option('--kernel <version>', 'as for run; may be given again; the usual ones where absent', collect, [])
    .option('--arch <name>', `${names}; may be given again; all of them where absent`, collect, [])
    .option('--package <name>', 'core, vmm or cli; may be given again; core where absent', collect, [])
    .option('--jobs <number>', 'how many labs run side by side', countFrom1, 2)
    .action(async (parts: string[], flags: TestFlags) => end(await test(parts, flags, signal)));

  program
    .command('list')
    .description('the kernels and architectures there are, and which of them are here')
    .option('--fresh', 'asks the archive even where that was done today')
    .option('--json', 'as JSON')
    .action((flags: { fresh?: boolean; json?: boolean }) => list(flags));

  program
    .command('fetch')
    .description('gets what labs need: then they need no network')
    .option('--arch <name>', `${names}; all of them where absent`)
    .option('--kernel <version>', 'as for run; the newest of each line where absent')
    .option('--tested', 'only the kernels that `lab test` runs on')
    .action((flags: FetchFlags) => fetchAll(flags));

  program
    .command('clean')
    .description('empties the cache')
    .action(() => clean());
  return program;
}

function countFrom1(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 31)
    throw new InvalidArgumentError('it is a whole number from 1 on.');
  return value;
}

function megabytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,7})([MG]?)$/i.exec(text) ?? [];
  const value = Number(digits) * (unit.toUpperCase() === 'G' ? 1024 : 1);
  if (digits === '' || value < 128) throw new InvalidArgumentError('it is a size of at least 128M, as 512M or 2G.');
  return value;
}

function collect(folder: string, before: string[]): string[] {
  return [...before, folder];
}

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  backendNames,
  modes,
  parseAddress,
  parseBackend,
  parseMode,
  parsePath,
  parseSeconds,
  parseSize,
} from './arguments/parse.js';
import { stderr, stdout } from './output/stream-sink.js';

/**
 * The command line: what there is, and which function does it. `done` is told the status to exit with. A command's code is loaded
 * when it is called: help needs none of it.
 */
export function createProgram(done: (status: number) => void): Command {
  const program = new Command('kvm-cli')
    .description("Runs guests on KVM, and looks at what this host's KVM can do.")
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(`kvm-cli: ${oneLine(text)}\n`),
    })
    .addHelpText('after', '\nExamples:\n  $ kvm-cli run\n  $ kvm-cli run --mode long guest.bin\n  $ kvm-cli doctor\n');

  program
    .command('run')
    .description('Run a guest: a flat binary, or without a file the built-in demo.')
    .argument('[guest.bin]', 'the guest; - for standard input', parsePath)
    .option('--mode <mode>', `the mode it starts in: ${modes.join(', ')} (default: real)`, parseMode)
    .option('--mem <size>', 'its memory, as in 64K, 16M, 1G (default: 16M)', parseSize)
    .option('--load-addr <address>', 'where its first byte goes (default: 0x1000)', parseAddress)
    .option('--entry <address>', 'its first instruction (default: its first byte)', parseAddress)
    .option('--timeout <seconds>', 'stop it after so long, from its first instruction on', parseSeconds)
    .option('--no-stdin', 'do not give it standard input')
    .option('--trace', 'print each exit, a line on stderr')
    .option('--stats', 'print a report at the end, on stderr')
    .option('--json', 'print a JSON document in the place of what the guest says')
    .addOption(backendOption())
    .addOption(deviceOption())
    .addHelpText('after', runHelp)
    .action(async (file, options) => {
      const { run } = await import('./run/command.js');
      done(await run(file, options));
    });

  program
    .command('caps')
    .description('List every capability, with its value on this host.')
    .option('--json', 'print JSON')
    .addOption(backendOption())
    .addOption(deviceOption())
    .addHelpText('after', '\nExamples:\n  $ kvm-cli caps | grep IRQ\n  $ kvm-cli caps --json\n')
    .action(async (options) => {
      const { caps } = await import('./caps/command.js');
      done(caps(options));
    });

  program
    .command('doctor')
    .description('Find out whether KVM can be used here, and if not, why.')
    .option('--json', 'print JSON')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      '\nThe exit status is 0 if KVM can be used, else 2.\n\nExamples:\n  $ kvm-cli doctor\n  $ kvm-cli doctor --json\n',
    )
    .action(async (options) => {
      const { doctor } = await import('./doctor/command.js');
      done(await doctor(options));
    });

  return program;
}

function backendOption(): Option {
  return new Option('--backend <name>', `how to reach KVM: ${backendNames.join(', ')}`).argParser(parseBackend);
}

function deviceOption(): Option {
  return new Option('--device <path>', 'the device').argParser(parsePath).default('/dev/kvm');
}

const runHelp = `
The guest has a serial port, COM1, on stdin and stdout, and a port, 0xf4, that ends the run
with the status written to it. On a terminal, keys go to the guest at once:
  Ctrl-A x       ends the run
  Ctrl-A h       prints these keys
  Ctrl-A Ctrl-A  sends Ctrl-A to the guest
  Ctrl-C         goes to a guest that reads its serial port, and ends the run of one that does not
With --no-stdin, and in the demo, Ctrl-C ends the run.

Exit status:
  0    the guest halted
  N    the guest wrote N to port 0xf4
  1    wrong usage or input, output that cannot be written, or the demo's arithmetic was wrong
  2    KVM is not there, or may not be used
  3    the guest crashed
  124  its time was up
  130  ended by Ctrl-C or Ctrl-A x
  128 + N  stopped by signal N, as 143 by SIGTERM
  141  the reader of the output has gone

Examples:
  $ kvm-cli run
  $ kvm-cli run guest.bin
  $ kvm-cli run --mode long --mem 64M --load-addr 0x100000 kernel.bin
  $ echo hello | kvm-cli run --timeout 10 --stats echo.bin
  $ objcopy -O binary guest.elf /dev/stdout | kvm-cli run -
`;

/** commander's errors end in a line of their own for what was probably meant. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

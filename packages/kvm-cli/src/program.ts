import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  backendNames,
  modes,
  parseAddress,
  parseBackend,
  parseCpus,
  parseMode,
  parsePath,
  parseSeconds,
  parseSize,
} from './arguments/parse.js';
import { stderr, stdout } from './output/stream-sink.js';

/**
 * The command line: commands, options, help. A command's code is loaded when it runs, because help needs none of it.
 *
 * @param done called with the exit status of a command.
 */
export function createProgram(done: (status: number) => void): Command {
  const program = new Command('kvm-cli')
    .description('Run guests on KVM, and inspect the KVM of this host.')
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
    .description('Run a guest: a kernel such as Linux, a flat binary, or the built-in demo without one.')
    .argument('[guest]', 'a kernel or a flat binary; its bytes tell which; - is a flat binary on stdin', parsePath)
    .option('--host-kernel', 'boot the kernel that this host runs, with its initrd or a shell of busybox')
    .option('--initrd <file>', "the kernel's initial RAM file system", parsePath)
    .option('--cmdline <text>', "the kernel's command line (default: a console on the serial port)")
    .option('--cpus <number>', 'number of processors, for kernels (default: 1)', parseCpus)
    .option('--cpu <model>', "a template and changes of the host's features: x86-64-v3, or +avx2,-avx512f")
    .option('--rng', 'give a kernel a source of random bytes: /dev/hwrng')
    .option('--mode <mode>', `CPU mode at the entry of a flat binary: ${modes.join(', ')} (default: real)`, parseMode)
    .option('--mem <size>', 'memory size, such as 64K, 16M, 1G (default: 512M for kernels, else 16M)', parseSize)
    .option('--load-addr <address>', 'load address (default: 0x1000)', parseAddress)
    .option('--entry <address>', 'address of the first instruction (default: the load address)', parseAddress)
    .option('--timeout <seconds>', 'stop the guest so long after its first instruction', parseSeconds)
    .option('--no-stdin', 'do not pass standard input to the guest')
    .option('--trace', 'print each exit to stderr')
    .option('--stats', 'print a report to stderr at the end')
    .option('--json', "print a JSON document instead of the guest's output")
    .addOption(backendOption())
    .addOption(deviceOption())
    .addHelpText('after', runHelp)
    .action(async (file, options) => {
      const { run } = await import('./run/command.js');
      done(await run(file, options));
    });

  program
    .command('caps')
    .description('List every capability and its value on this host.')
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
    .description('Check whether KVM works on this host, and if not, why.')
    .option('--json', 'print JSON')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
The exit status is 0 if KVM works, 2 if it does not.

Examples:
  $ kvm-cli doctor
  $ kvm-cli doctor --json
`,
    )
    .action(async (options) => {
      const { doctor } = await import('./doctor/command.js');
      done(await doctor(options));
    });

  return program;
}

function backendOption(): Option {
  return new Option('--backend <name>', `how to call KVM: ${backendNames.join(', ')}`).argParser(parseBackend);
}

function deviceOption(): Option {
  return new Option('--device <path>', 'the KVM device').argParser(parsePath).default('/dev/kvm');
}

const runHelp = `
The guest has a serial port, COM1, on stdin and stdout. A write to port 0xf4 ends the run
with the value as the exit status. On a terminal, keys go to the guest at once:
  Ctrl-A x       end the run
  Ctrl-A h       print this help
  Ctrl-A Ctrl-A  send Ctrl-A to the guest
  Ctrl-C         interrupt: goes to a guest that reads its serial port, ends the run otherwise
With --no-stdin, and in the demo, Ctrl-C ends the run.

Exit status:
  0    the guest halted
  N    the guest wrote N to port 0xf4
  1    wrong usage or input, output could not be written, or the demo's result was wrong
  2    KVM is not available, or access was denied
  3    the guest crashed
  124  the guest timed out
  130  ended by Ctrl-C or Ctrl-A x
  128 + N  stopped by signal N, such as 143 by SIGTERM
  141  the reader of the output has gone

Examples:
  $ kvm-cli run
  $ kvm-cli run --host-kernel
  $ kvm-cli run vmlinuz --initrd initrd.img --mem 1G --cpus 2
  $ kvm-cli run guest.bin
  $ kvm-cli run --mode long --mem 64M --load-addr 0x100000 kernel.bin
  $ echo hello | kvm-cli run --timeout 10 --stats echo.bin
  $ objcopy -O binary guest.elf /dev/stdout | kvm-cli run -
`;

/** commander puts its suggestion on a line of its own. */
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

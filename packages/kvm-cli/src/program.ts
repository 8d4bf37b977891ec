import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { machineFlags } from './arguments/machine-flags.js';
import { backendNames, parseBackend, parsePath, parseSeconds } from './arguments/parse.js';
import { statusMeanings } from './exit-status.js';
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

  const runCommand = program
    .command('run')
    .description('Run a guest: a kernel such as Linux, a flat binary, or the built-in demo without one.')
    .argument('[guest]', 'a kernel or a flat binary; its bytes tell which; - is a flat binary on stdin', parsePath)
    .option('--host-kernel', 'boot the kernel that this host runs, with its initrd or a shell of busybox')
    .option('--config <file>', 'a machine as a JSON document; other options change it', parsePath)
    .option('--timeout <seconds>', 'stop the guest so long after its first instruction', parseSeconds)
    .option('--no-stdin', 'do not pass standard input to the guest')
    .option('--trace-file <file>', 'where the trace goes, instead of stderr; all exits without --trace', parsePath)
    .option('--stats', 'print a report to stderr at the end')
    .option('--json', "print a JSON document instead of the guest's output")
    .addHelpText('after', runHelp)
    .action(async (file, options) => {
      const { run } = await import('./run/command.js');
      done(await run(file, options));
    });
  for (const { option } of machineFlags) {
    runCommand.addOption(option);
    const name = option.long?.slice(2);
    // A flag without a value may be on in a file.
    if (option.isBoolean()) runCommand.addOption(new Option(`--no-${name}`).hideHelp());
  }

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
The guest's console is on stdin and stdout: its serial port, COM1, or hvc0 of Linux with
--console virtio. A write to port 0xf4 ends the run with the value as the exit status. On a
terminal, keys go to the guest at once:
  Ctrl-A x       end the run
  Ctrl-A h       print this help
  Ctrl-A Ctrl-A  send Ctrl-A to the guest
  Ctrl-C         interrupt: goes to a guest that reads its console, ends the run otherwise
With --no-stdin, and in the demo, Ctrl-C ends the run.

Exit status:
${statusMeanings.map(([status, meaning]) => `  ${status.padEnd(8)} ${meaning}\n`).join('')}
Examples:
  $ kvm-cli run
  $ kvm-cli run --host-kernel
  $ kvm-cli run vmlinuz --initrd initrd.img --mem 1G --cpus 2
  $ kvm-cli run vmlinuz --initrd initrd.img --disk root.img --disk data.img,ro
  $ kvm-cli run vmlinuz --initrd initrd.img --net passt,port=8080:80
  $ kvm-cli run vmlinuz --initrd initrd.img --console virtio --balloon 256M
  $ kvm-cli run vmlinuz --initrd initrd.img --share . --share /srv/work:work,rw
  $ kvm-cli run vmlinuz --initrd initrd.img --vsock v.sock
  $ kvm-cli run --config machine.json --mem 2G
  $ kvm-cli run --trace all,-io:0x3f8-0x3ff --trace-file trace.log guest.bin
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

import { realpathSync, statSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { findArchitecture } from '../architecture/index.js';
import { LabError } from '../errors.js';
import { runLab, type Stage } from '../lab.js';
import { LineProgress, TerminalProgress } from '../progress.js';

export interface RunFlags {
  kernel?: string;
  arch: string;
  cpus: number;
  mem: number;
  timeout?: number;
  share: string[];
  shell?: boolean;
  json?: boolean;
  gdb?: number;
  steps?: boolean;
}

/** Runs the command. Returns its exit status. */
export async function run(command: readonly string[], flags: RunFlags, signal: AbortSignal): Promise<number> {
  const isTerminal = flags.shell ?? false;
  if (command.length === 0 && !isTerminal)
    throw new LabError('no command given: `lab run -- COMMAND`, or `lab run --shell`');
  const architecture = findArchitecture(flags.arch);
  const progress = flags.steps ? new LineProgress() : new TerminalProgress();
  const stageText = (stage: Stage, kernel: string): string =>
    ({
      boot: `2 of 4: booting Linux ${kernel} on an emulated machine (${architecture.name})`,
      modules: '3 of 4: loading its KVM',
      command: `4 of 4: running ${command.join(' ')}`,
    })[stage];
  const restore = new AbortController();
  try {
    progress.step('1 of 4: preparing QEMU, a kernel and busybox; what is missing is downloaded');
    const result = await runLab(
      {
        architecture,
        kernel: flags.kernel ?? architecture.defaultKernel,
        command: command.length > 0 ? command : ['sh'],
        cpus: flags.cpus,
        memory: flags.mem,
        ...(flags.timeout === undefined ? {} : { timeout: flags.timeout }),
        ...(flags.gdb === undefined ? {} : { gdbPort: flags.gdb }),
        shares: flags.share.map(shareOf),
        folder: process.cwd(),
        environment: environment(),
        isTerminal,
      },
      {
        progress,
        signal,
        onOutput: (chunk) => process.stdout.write(chunk),
        onErrors: (chunk) => process.stderr.write(chunk),
        onStage: (stage, kernel) => {
          progress.step(stageText(stage, kernel));
          // The command's output follows.
          if (stage === 'command') progress.done();
        },
        onCommand: (terminal) => terminal && connect(terminal, restore.signal),
      },
    );
    const { kernel, status, phases } = result;
    if (flags.json) {
      const told = { architecture: architecture.name, kernel, status, seconds: phases.seconds };
      process.stderr.write(`${JSON.stringify(told)}\n`);
    } else if (process.stderr.isTTY) {
      progress.note(`${architecture.name}, kernel ${kernel}: ${phases}`);
    }
    return status;
  } finally {
    restore.abort();
    progress.done();
  }
}

/** The environment variables of the host for terminal and language. */
function environment(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) =>
    /^(?:HOME|USER|TERM|LANG|LC_.*|CI|NO_COLOR|FORCE_COLOR|KVM_.*)$/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}

function shareOf(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new LabError(`${path} is not a folder to share`);
  return realpathSync(path);
}

/** Connects the user's terminal with the machine's until the signal is aborted. */
function connect(terminal: Duplex, until: AbortSignal): void {
  const { stdin, stdout } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  const pass = (chunk: Buffer): void => {
    terminal.write(chunk);
  };
  stdin.on('data', pass);
  terminal.on('data', (chunk: Buffer) => stdout.write(chunk));
  until.addEventListener('abort', () => {
    stdin.off('data', pass).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  });
}

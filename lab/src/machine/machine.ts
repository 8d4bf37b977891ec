import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { LabError, StoppedError } from '../errors.js';
import { whereIs } from '../tools/programs.js';
import { channels, type MachineParts, qemuArguments } from './command-line.js';
import { Console } from './console.js';

export interface MachineOptions extends MachineParts {
  /** The emulator. */
  qemu: string;
  /** The script that the machine's shell runs. */
  script: string;
  onOutput(chunk: Buffer): void;
  onErrors(chunk: Buffer): void;
  /** Called when the command begins, with the machine's terminal, if it has one. */
  onCommand(terminal: Duplex | undefined): void;
  onPhase(name: string): void;
  /** The time limits for boot and mounts, and for the command, in seconds. */
  bootSeconds: number;
  commandSeconds: number | undefined;
  signal: AbortSignal;
}

/**
 * Boots a machine and runs the script in it. Returns its exit status.
 *
 * @throws LabError if there is none: the kernel panics or hangs, the command does not end, QEMU dies, or the signal is
 * aborted.
 */
export async function runMachine(options: MachineOptions): Promise<number> {
  const machine = new Machine(options);
  try {
    return await machine.status();
  } finally {
    await machine.end();
  }
}

class Machine {
  readonly #options: MachineOptions;
  readonly #qemu: ChildProcess;
  readonly #console = new Console();
  readonly #closed: Promise<unknown>;
  #said = '';

  constructor(options: MachineOptions) {
    this.#options = options;
    // QEMU has a process group of its own, so that Ctrl-C reaches only this process. It dies with this process.
    const setpriv = whereIs('setpriv');
    const command = [options.qemu, ...qemuArguments(options)];
    const [program = '', ...args] = setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', ...command];
    this.#qemu = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', options.isTerminal ? 'pipe' : 'ignore'],
      detached: true,
    });
    // After its last output has been read.
    this.#closed = once(this.#qemu, 'close');
    this.#closed.catch(() => {});
    this.#qemu.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
    this.#channel('out').on('data', options.onOutput);
    this.#channel('err').on('data', options.onErrors);
    this.#channel('console').on('data', (chunk: Buffer) => this.#console.add(chunk));
  }

  /** Waits for the first of these: the command ends, the machine ends, a time limit passes, the signal is aborted. */
  status(): Promise<number> {
    const { signal, script, layers, shares, isTerminal, onPhase, onCommand } = this.#options;
    return new Promise((resolve, reject) => {
      let timer = this.#deadline(this.#options.bootSeconds, 'the lab did not boot', reject);
      const cleanUp = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', interrupted);
      };
      const settle = (end: () => void): void => {
        cleanUp();
        end();
      };
      const interrupted = (): void => settle(() => reject(signal.reason));
      const died = (code: number | null, killer: NodeJS.Signals | null): void =>
        settle(() => reject(this.#death(code, killer)));
      const heard = (line: string): void => {
        const [word = '', ...rest] = line.split(' ');
        if (word === 'status') settle(() => resolve(Number(rest[0])));
        if (word === 'fail') settle(() => reject(new LabError(rest.join(' '), { console: this.#console.tail() })));
        if (word !== 'phase') return;
        onPhase(rest[0] ?? '');
        if (rest[0] !== 'mounts') return;
        clearTimeout(timer);
        timer = this.#deadline(this.#options.commandSeconds, 'the command did not end', reject);
        onCommand(isTerminal ? this.#channel('terminal') : undefined);
      };

      if (signal.aborted) return interrupted();
      signal.addEventListener('abort', interrupted);
      this.#qemu.once('error', (error) => settle(() => reject(new LabError(`QEMU cannot be run: ${error.message}`))));
      this.#qemu.once('exit', died);
      const names = layers.map((_, index) => `layer${index}`).join(' ');
      const mode = isTerminal ? 'terminal' : 'pipes';
      this.#control([mode, names, ...shares, '', `${Buffer.byteLength(script)}`, script].join('\n'), heard);
    });
  }

  /** Waits until no process of the machine is left and all its output has been passed on. */
  async end(): Promise<void> {
    this.#qemu.kill('SIGKILL');
    await this.#closed.catch(() => {});
  }

  #control(text: string, heard: (line: string) => void): void {
    const control = this.#channel('control');
    let rest = '';
    control.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) heard(line);
    });
    control.write(text);
  }

  #channel(name: keyof typeof channels): Duplex {
    const streams: readonly unknown[] = this.#qemu.stdio;
    const stream = streams[channels[name]] as Duplex;
    // A closed channel is ignored: the end of the process reports the reason.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
    return stream;
  }

  #deadline(seconds: number | undefined, what: string, reject: (error: Error) => void): NodeJS.Timeout | undefined {
    if (seconds === undefined) return undefined;
    const late = (): void =>
      reject(new StoppedError(`${what} within ${seconds} s`, 124, { console: this.#console.tail() }));
    return setTimeout(late, seconds * 1000);
  }

  #death(code: number | null, signal: NodeJS.Signals | null): LabError {
    const details = { console: this.#console.tail() };
    const { panic } = this.#console;
    if (panic !== undefined) return new LabError(`the lab's kernel panicked: ${panic}`, details);
    if (signal !== null) return new LabError(`QEMU was killed (${signal}) before the command ended`, details);
    const said = this.#said.trim();
    if (code !== 0) {
      const isOld = /^.*Property '\S+-machine\.\S+' not found/.test(said);
      const advice = isOld ? ': the lab needs QEMU 7.0 or later, as Debian 12 has it' : '';
      return new LabError(`QEMU exited with status ${code}: ${said || 'no message'}${advice}`, details);
    }
    return new LabError('the machine shut down before the command ended', details);
  }
}

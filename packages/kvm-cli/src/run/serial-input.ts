import { type Command, EscapeKeys, keysHelp } from '../terminal/escape-keys.js';
import { Terminal } from '../terminal/terminal.js';

/** Where the input goes: the console of a machine. */
export interface SerialConsole {
  /** Returns false when no more should be written before 'drain'. */
  write(bytes: Uint8Array): boolean;
  once(event: 'drain', listener: () => void): unknown;
  /** Bytes that the guest has not taken yet. */
  readonly pendingInput: number;
}

/** Bytes from a terminal that wait for the guest; further keys are dropped. */
const mostKeys = 2 ** 16;

export interface SerialInputOptions {
  stdin: typeof process.stdin;
  console: SerialConsole;
  /** Whether the guest is known to read its serial port: Ctrl-C goes to it then. */
  guestReads: () => boolean;
  /** Called for a Ctrl-C that does not go to the guest, and for Ctrl-A x. */
  interrupt: (key: 'SIGINT' | 'Ctrl-A x') => void;
  /** Prints text for the person at the terminal. */
  say: (text: string) => void;
  /** Called when the input cannot be read, such as one that was opened for writing only. Its end is no failure. */
  failed: (error: Error) => void;
}

/**
 * Passes standard input to the serial port. A terminal is in raw mode meanwhile, so that each key reaches the guest at
 * once; `stop` restores it. Input that the guest does not read waits. From a terminal at most 64 KiB wait and further
 * keys are dropped, so that the escape keys always work.
 */
export class SerialInput {
  readonly #options: SerialInputOptions;
  readonly #terminal: Terminal | undefined;
  readonly #keys = new EscapeKeys();
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #hinted = false;

  constructor(options: SerialInputOptions) {
    this.#options = options;
    const { stdin } = options;
    if (stdin.isTTY) {
      this.#terminal = new Terminal(stdin.fd, (held) => {
        if (held) stdin.resume();
        else stdin.pause();
      });
    }
  }

  start(): void {
    const { stdin, failed } = this.#options;
    stdin.on('error', failed);
    // A terminal is read only while kvm-cli holds it.
    if (this.#terminal !== undefined) stdin.pause();
    stdin.on('data', this.#onData);
    this.#terminal?.start();
  }

  /** Restores the terminal and stops reading. May be called at any time, and repeatedly. */
  stop(): void {
    const { stdin } = this.#options;
    this.#terminal?.stop();
    stdin.off('data', this.#onData);
    stdin.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#terminal === undefined) {
      this.#pass(chunk);
      return;
    }
    for (const part of this.#keys.take(chunk)) {
      if (typeof part === 'string') this.#obey(part);
      else this.#key(part);
    }
  }

  #obey(command: Command): void {
    const { console, guestReads, interrupt, say } = this.#options;
    if (command === 'help') {
      say(keysHelp);
    } else if (command === 'quit') {
      interrupt('Ctrl-A x');
    } else if (!guestReads()) {
      interrupt('SIGINT');
    } else {
      if (console.pendingInput > 0 && !this.#hinted) {
        this.#hinted = true;
        say('\nkvm-cli: the guest is not reading its input; Ctrl-A x ends the run\n');
      }
      this.#key(Uint8Array.of(0x03));
    }
  }

  #key(bytes: Uint8Array): void {
    const { console } = this.#options;
    const room = Math.max(0, mostKeys - console.pendingInput);
    console.write(bytes.subarray(0, room));
  }

  /** Passes a whole chunk on. While the console is full, nothing more is read. */
  #pass(chunk: Buffer): void {
    const { stdin, console } = this.#options;
    if (console.write(chunk)) return;
    stdin.pause();
    console.once('drain', () => stdin.resume());
  }
}

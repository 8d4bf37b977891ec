import { type Command, EscapeKeys, keysHelp } from '../terminal/escape-keys.js';
import { Terminal } from '../terminal/terminal.js';
import type { ByteRing } from './byte-ring.js';

export interface SerialInputOptions {
  stdin: typeof process.stdin;
  ring: ByteRing;
  /** Whether the guest has shown that it reads its serial port: then Ctrl-C is for it. */
  guestReads: () => boolean;
  /** Called at Ctrl-C when the guest does not read, and at Ctrl-A x. */
  interrupt: (key: 'SIGINT' | 'Ctrl-A x') => void;
  /** Called with what the person at the terminal is to read. */
  say: (text: string) => void;
  /** Called when the input cannot be read, as when it was opened for writing only. Its end is no failure, and not told. */
  failed: (error: Error) => void;
}

/**
 * Standard input, on its way to the serial port. A terminal is raw meanwhile, so that each key reaches the guest at once, and is
 * restored by `stop`. What a guest does not read waits; of a terminal's keys only 64 KiB, so that commands are heard however many
 * keys came before.
 */
export class SerialInput {
  readonly #options: SerialInputOptions;
  readonly #terminal: Terminal | undefined;
  readonly #keys = new EscapeKeys();
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #rest: Buffer | undefined;
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
    // A terminal is read from the moment it is held.
    if (this.#terminal !== undefined) stdin.pause();
    stdin.on('data', this.#onData);
    this.#terminal?.start();
  }

  /** Called when the guest has read from a full ring. */
  roomMade(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#queue(rest);
    if (this.#rest === undefined && this.#terminal === undefined) this.#options.stdin.resume();
  }

  /** Restores the terminal, and reads no more. Safe to call at any time, and again. */
  stop(): void {
    const { stdin } = this.#options;
    this.#terminal?.stop();
    stdin.off('data', this.#onData);
    stdin.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#terminal === undefined) {
      this.#queue(chunk);
      return;
    }
    for (const part of this.#keys.take(chunk)) {
      if (typeof part === 'string') this.#obey(part);
      else this.#options.ring.write(part);
    }
  }

  #obey(command: Command): void {
    const { ring, guestReads, interrupt, say } = this.#options;
    if (command === 'help') {
      say(keysHelp);
    } else if (command === 'quit') {
      interrupt('Ctrl-A x');
    } else if (!guestReads()) {
      interrupt('SIGINT');
    } else {
      if (ring.available > 0 && !this.#hinted) {
        this.#hinted = true;
        say('\nkvm-cli: the guest does not read its input at the moment; Ctrl-A x ends the run\n');
      }
      ring.write(Uint8Array.of(0x03));
    }
  }

  /** All of the chunk, sooner or later: while there is no room, nothing more is read. */
  #queue(chunk: Buffer): void {
    const { stdin, ring } = this.#options;
    let queued = ring.write(chunk);
    while (queued < chunk.length) {
      if (ring.sleepAsWriter()) {
        this.#rest = chunk.subarray(queued);
        stdin.pause();
        return;
      }
      queued += ring.write(chunk, queued);
    }
  }
}

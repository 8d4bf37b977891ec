import type { ReadStream } from 'node:tty';
import type { ByteRing } from './byte-ring.js';

const ctrlC = 0x03;

export interface SerialInputOptions {
  stdin: ReadStream;
  ring: ByteRing;
  /** Called at Ctrl-C on a terminal, which in raw mode is a byte like any other. */
  interrupt: () => void;
  /** Called when the input cannot be read, as when it was opened for writing only. Its end is no failure, and not told. */
  failed: (error: Error) => void;
}

/**
 * Standard input, on its way to the serial port. A terminal goes into raw mode for it, so that each key reaches the guest at
 * once, and comes back with `stop`. What a guest does not read waits; of a terminal's keys only 64 KiB, so that Ctrl-C is heard
 * however many came before it.
 */
export class SerialInput {
  readonly #options: SerialInputOptions;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #rest: Buffer | undefined;

  constructor(options: SerialInputOptions) {
    this.#options = options;
  }

  start(): void {
    const { stdin, failed } = this.#options;
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('error', failed);
    stdin.on('data', this.#onData);
  }

  /** Called when the guest has read from a full ring. */
  roomMade(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#queue(rest);
    if (this.#rest === undefined) this.#options.stdin.resume();
  }

  /** Restores the terminal, and reads no more. Safe to call at any time, and again. */
  stop(): void {
    const { stdin } = this.#options;
    if (stdin.isTTY && !stdin.destroyed) stdin.setRawMode(false);
    stdin.off('data', this.#onData);
    stdin.destroy();
  }

  #take(chunk: Buffer): void {
    const { stdin, ring, interrupt } = this.#options;
    if (!stdin.isTTY) {
      this.#queue(chunk);
      return;
    }
    const end = chunk.indexOf(ctrlC);
    ring.write(end === -1 ? chunk : chunk.subarray(0, end));
    if (end !== -1) interrupt();
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

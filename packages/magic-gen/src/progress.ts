/** Where to report slow work. */
export interface Progress {
  /** The current step. */
  step(text: string): void;
  /** There is no current step any more. */
  done(): void;
  /** Something the user should know, with or without a terminal. */
  note(text: string): void;
}

/** For programs that use magic-gen: reports nothing. */
export const silent: Progress = { step() {}, done() {}, note() {} };

/**
 * Shows the steps on one line of a terminal, which is erased at the end. Without a terminal, only notes are written.
 */
export class TerminalProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  step(text: string): void {
    if (!this.#stream.isTTY) return;
    const width = (this.#stream.columns ?? 80) - 1;
    this.#stream.write(`\r\u001b[K${text.slice(0, width)}`);
    this.#shown = true;
  }

  done(): void {
    if (this.#shown) this.#stream.write('\r\u001b[K');
    this.#shown = false;
  }

  note(text: string): void {
    this.done();
    this.#stream.write(`magic-gen: ${text}\n`);
  }
}

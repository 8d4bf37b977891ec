/** Where to say what takes its time. */
export interface Progress {
  /** What is being done now. */
  step(text: string): void;
  /** Nothing is being done any more. */
  done(): void;
  /** Something the person should know of, watching or not. */
  note(text: string): void;
}

/** For a program that uses magic-gen: says nothing. */
export const silent: Progress = { step() {}, done() {}, note() {} };

/**
 * Shows the steps on a terminal, on one line that goes when they are over. Where nobody watches, only notes are
 * written.
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

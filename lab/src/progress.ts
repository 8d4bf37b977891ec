/** Shows progress. */
export interface Progress {
  /** The current step. */
  step(text: string): void;
  /** A message that is always shown. */
  note(text: string): void;
  /** Ends the current step. */
  done(): void;
}

/** Writes every step on a line of its own. */
export class LineProgress implements Progress {
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream = process.stderr) {
    this.#stream = stream;
  }

  step(text: string): void {
    this.#stream.write(`lab: ${text}\n`);
  }

  note(text: string): void {
    this.step(text);
  }

  done(): void {}
}

/** Shows the steps on one line of a terminal, and clears it at the end. Without a terminal only notes are written. */
export class TerminalProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #isShown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  step(text: string): void {
    if (!this.#stream.isTTY) return;
    const width = (this.#stream.columns ?? 80) - 1;
    this.#stream.write(`\r\u001b[K${text.slice(0, width)}`);
    this.#isShown = true;
  }

  note(text: string): void {
    this.done();
    this.#stream.write(`lab: ${text}\n`);
  }

  done(): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K');
    this.#isShown = false;
  }
}

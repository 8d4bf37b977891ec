/** The end of what a machine wrote to its console, and what it tells. */
export class Console {
  #text = '';

  add(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString('latin1')).slice(-64 * 1024);
  }

  /** Its last lines, without what moves a cursor. */
  tail(lines = 25): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed.
    const plain = this.#text.replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\x1b[cM78]|\r/g, '').trimEnd();
    return plain.split('\n').slice(-lines).join('\n');
  }

  /** Why the kernel gave up, if it did. */
  get panic(): string | undefined {
    return /Kernel panic - not syncing: (.*)/.exec(this.#text)?.[1]?.trim();
  }
}

/** The end of a machine's console output, and what it reveals. */
export class Console {
  #text = '';

  add(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString('latin1')).slice(-64 * 1024);
  }

  /** Its last lines, or those from the panic on, without escape sequences. */
  tail(count = 25): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed.
    const plain = this.#text.replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\x1b[cM78]|\r/g, '').trimEnd();
    const lines = plain.split('\n');
    const panic = lines.findIndex((line) => line.includes('Kernel panic'));
    const start = Math.max(panic < 0 ? lines.length - count : panic - 2, 0);
    return lines.slice(start, start + count).join('\n');
  }

  /** The reason of a kernel panic, if there was one. */
  get panic(): string | undefined {
    return /Kernel panic - not syncing: (.*)/.exec(this.#text)?.[1]?.trim();
  }
}

/** The end of what a machine wrote to its console, and what it tells. */
export class Console {
  #text = '';

  add(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString('latin1')).slice(-64 * 1024);
  }

  /** Its last lines, or those from where the kernel gave up, without what moves a cursor. */
  tail(count = 25): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed.
    const plain = this.#text.replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\x1b[cM78]|\r/g, '').trimEnd();
    const lines = plain.split('\n');
    const panic = lines.findIndex((line) => line.includes('Kernel panic'));
    const start = Math.max(panic < 0 ? lines.length - count : panic - 2, 0);
    return lines.slice(start, start + count).join('\n');
  }

  /** Why the kernel gave up, if it did. */
  get panic(): string | undefined {
    return /Kernel panic - not syncing: (.*)/.exec(this.#text)?.[1]?.trim();
  }
}

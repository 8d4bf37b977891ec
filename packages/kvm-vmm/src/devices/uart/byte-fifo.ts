/** What a 16550 has on each side. */
export const fifoDepth = 16;

/** Bytes that wait to be read, first come first served, in room for 16 of which fewer may be in use. */
export class ByteFifo {
  readonly #bytes = new Uint8Array(fifoDepth);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(byte: number): void {
    this.#bytes[(this.#first + this.#length) % fifoDepth] = byte;
    this.#length++;
  }

  /** The oldest byte, 0 if there is none. */
  shift(): number {
    if (this.#length === 0) return 0;
    const byte = this.#bytes[this.#first] as number;
    this.#first = (this.#first + 1) % fifoDepth;
    this.#length--;
    return byte;
  }

  clear(): void {
    this.#length = 0;
  }
}

/** Bytes in each FIFO of a 16550. */
export const fifoDepth = 16;

/** A FIFO of up to 16 bytes. The UART sees to it that there are no more. */
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

  /** Removes the oldest byte and returns it; 0 if there is none. */
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

  /** Oldest first. */
  toArray(): number[] {
    return Array.from({ length: this.#length }, (_, i) => this.#bytes[(this.#first + i) % fifoDepth] as number);
  }
}

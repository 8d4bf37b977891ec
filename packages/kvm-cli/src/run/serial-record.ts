import type { Sink } from './sink.js';

/** Bytes. A guest that never stops sending must not fill the host's memory. */
const limit = 16 * 2 ** 20;

/** The guest's serial output for the document of `--json`: the first 16 MiB of it. */
export class SerialRecord implements Sink {
  readonly full = false;
  readonly #chunks: Uint8Array[] = [];
  #total = 0;

  write(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, limit - this.#total));
    if (kept.length > 0) this.#chunks.push(kept);
    this.#total += bytes.length;
  }

  async drained(): Promise<void> {}

  /** The bytes that were kept. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** How many bytes the guest has sent, including those that were not kept. */
  get total(): number {
    return this.#total;
  }
}

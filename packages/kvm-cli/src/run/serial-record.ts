import type { Sink } from './ring-pump.js';

/** A guest that never stops talking must not take the host's memory. */
const limit = 16 * 2 ** 20;

/** What a guest says, kept for the document of `--json`: its first 16 MiB. */
export class SerialRecord implements Sink {
  readonly full = false;
  readonly #chunks: Uint8Array[] = [];
  #said = 0;

  write(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, limit - this.#said));
    if (kept.length > 0) this.#chunks.push(kept);
    this.#said += bytes.length;
  }

  async drained(): Promise<void> {}

  /** What was kept. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** How many bytes were said, those that were not kept included. */
  get said(): number {
    return this.#said;
  }
}

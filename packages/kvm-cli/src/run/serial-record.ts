import type { Sink } from './ring-pump.js';

/** A guest that never stops talking must not take the host's memory. */
const limit = 16 * 2 ** 20;

/** What a guest says, kept for the document of `--json`: its first 16 MiB. */
export class SerialRecord implements Sink {
  readonly full = false;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  write(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, limit - this.#length);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#length += kept.length;
  }

  async drained(): Promise<void> {}

  /** As text: bytes that are no UTF-8 become U+FFFD. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

import type { ByteRing } from './byte-ring.js';

/** Takes the bytes of a ring. */
export interface Sink {
  write(bytes: Uint8Array): void;
  readonly full: boolean;
  drained(): Promise<void>;
}

/**
 * Moves bytes from a ring to a sink, at the sink's pace: a slow sink slows the writer of the ring down, and loses
 * nothing.
 */
export class RingPump {
  readonly #ring: ByteRing;
  readonly #sink: Sink;
  #busy = false;
  #last: Promise<void> = Promise.resolve();

  constructor(ring: ByteRing, sink: Sink) {
    this.#ring = ring;
    this.#sink = sink;
    this.wake();
  }

  /** To be called when there may be bytes in the ring. */
  wake(): void {
    if (!this.#busy) this.#last = this.#pump();
  }

  /** Settles when the sink has all bytes. To be called after the last byte was written to the ring. */
  async finish(): Promise<void> {
    await this.#last;
    this.wake();
    await this.#last;
  }

  async #pump(): Promise<void> {
    this.#busy = true;
    do {
      for (let bytes = this.#ring.read(); bytes.length > 0; bytes = this.#ring.read()) {
        this.#sink.write(bytes);
        if (this.#sink.full) await this.#sink.drained();
      }
    } while (!this.#ring.sleepAsReader());
    // Nothing runs between this and the call above, so a later call of `wake` starts the pump again.
    this.#busy = false;
  }
}
